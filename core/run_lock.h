#pragma once
// Keeps two runs from writing into one folder: an advisory lock on DIR/.lock, which the system drops when the process
// ends in whatever way. Ownership: holds the lock for its lifetime. Thread-safety: one thread.

#include <filesystem>
#include <string>

#include "core/file_descriptor.h"

namespace pathline {

class RunLock {
 public:
  /// Creates `folder` if needed. `activity` is what the run does in it, for the message. Throws Error(usage) if another
  /// process holds the lock; a file system without locks is accepted.
  explicit RunLock(const std::filesystem::path& folder, const std::string& activity = "training");

 private:
  FileDescriptor file_;
};

}  // namespace pathline
