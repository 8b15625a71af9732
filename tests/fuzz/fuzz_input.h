#pragma once
// What the fuzz targets share: the bytes as a file that parsers can open by path, and the rule of what a parser may do
// with them: succeed, or throw pathline::Error. Everything else (another exception, a crash, a leak, too much memory)
// is a bug.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "core/error.h"

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
