#pragma once
// What the fuzz targets share: the bytes as a file that parsers can open by path, or as a file of a certain name in a
// folder, and the rule of what a parser may do with them: succeed, or throw pathline::Error. Everything else (another
// exception, a crash, a leak, too much memory) is a bug.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file_descriptor.h"

namespace pathline::fuzz {

/// A file in memory, reachable by its path.
class InputFile {
 public:
  InputFile(const void* data, std::size_t bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (fd_ < 0 || ::write(fd_, data, bytes) != static_cast<ssize_t>(bytes)) __builtin_trap();
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  int fd() const noexcept { return fd_; }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// A folder in memory (where /dev/shm is there), for parsers that look at names. Removed at the end.
class InputFolder {
 public:
  InputFolder() {
    const std::filesystem::path memory = "/dev/shm";
    const bool usable = ::access(memory.c_str(), W_OK | X_OK) == 0;
    std::string name = ((usable ? memory : std::filesystem::temp_directory_path()) / "pathline-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) __builtin_trap();
    path_ = name;
  }
  ~InputFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  InputFolder(const InputFolder&) = delete;
  InputFolder& operator=(const InputFolder&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }
  /// Puts a file there, in place of an earlier one of the name.
  std::filesystem::path write(const char* name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    const FileDescriptor fd(open_retrying(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd || ::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) __builtin_trap();
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline std::string_view view(const std::uint8_t* data, std::size_t bytes) {
  return {reinterpret_cast<const char*>(data), bytes};
}

/// Runs `parse`; a refusal must be one that a user can read.
template <typename Parse>
bool accepts(Parse&& parse) {
  try {
    parse();
    return true;
  } catch (const Error& error) {
    if (error.message().empty()) __builtin_trap();
    return false;
  }
}

}  // namespace pathline::fuzz
