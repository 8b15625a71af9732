#pragma once
// A log file that grows by whole records. The exception to core/durable_file.h: a log is appended to, not replaced, and
// its readers cope with a last record cut by a crash. Each record is one write(2), so that it reaches the system at
// once. Errors: Error(file_system). Thread-safety: one thread.

#include <filesystem>
#include <string_view>

#include "core/file_descriptor.h"

namespace pathline {

class AppendFile {
 public:
  /// Opens the file at its end, creating it if needed; the folder must exist.
  explicit AppendFile(std::filesystem::path path);
  /// The whole record or, with an error, none of it.
  void append(std::string_view record);
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
};

}  // namespace pathline
