#pragma once
// A POSIX file descriptor that closes itself, and reading from it, through core/system.h. Whoever writes files goes
// through core/durable_file.h. Ownership: the object owns its descriptor. Not
// shared between threads.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace pathline {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// System::open. Returns -1 with errno set on failure.
int open_retrying(const std::filesystem::path& path, int flags, unsigned mode = 0);
/// One read(2); 0 at the end of the file. Throws Error(file_system) at `path`.
std::size_t read_some(int fd, void* out, std::size_t bytes, const std::filesystem::path& path);
/// pread(2), until all `bytes` are there. Returns the bytes read: fewer only at the end of the file. Throws
/// Error(file_system) at `path`.
std::size_t read_at(int fd, void* out, std::size_t bytes, std::uint64_t offset, const std::filesystem::path& path);

}  // namespace pathline
