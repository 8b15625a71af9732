#include "core/system.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pathline {
namespace {

constexpr std::size_t kLargestTransfer = std::size_t{1} << 30;  // Linux moves at most 2 GiB - 4 KiB in one call

/// Again as long as a signal interrupts it.
template <typename Call>
auto retried(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// The same for calls that cannot be repeated when they were done: a network or user-space file system may be
/// interrupted between the deed and the answer. `trace` is the error that a second try meets then.
template <typename Call>
int retried_once_done(int trace, Call call) {
  int result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
    if (result < 0 && errno == trace) return 0;
  }
  return result;
}

template <typename Call>
std::size_t continued(const void* data, std::size_t bytes, Call call) {
  std::size_t done = 0;
  while (done < bytes) {
    const std::size_t piece = std::min(bytes - done, kLargestTransfer);
    const ssize_t written = retried([&] { return call(static_cast<const char*>(data) + done, piece, done); });
    if (written == 0) errno = ENOSPC;  // took nothing, and gave no reason
    if (written <= 0) return done;
    done += static_cast<std::size_t>(written);
  }
  return done;
}

System& real_system() {
  static System& instance = *new System;  // never destroyed: threads may outlive main
  return instance;
}

std::atomic<System*> override_in_use{nullptr};

}  // namespace

System& System::current() noexcept {
  System* const other = override_in_use.load(std::memory_order_acquire);
  return other != nullptr ? *other : real_system();
}

SystemOverride::SystemOverride(System& system) noexcept
    : before_(override_in_use.exchange(&system, std::memory_order_acq_rel)) {}

SystemOverride::~SystemOverride() {
  override_in_use.store(before_, std::memory_order_release);
}

int System::open(const Path& path, int flags, unsigned mode) {
  return retried([&] { return open_once(path, flags, mode); });
}

ssize_t System::read(int fd, void* out, std::size_t bytes) {
  return retried([&] { return read_once(fd, out, std::min(bytes, kLargestTransfer)); });
}

ssize_t System::pread(int fd, void* out, std::size_t bytes, std::uint64_t offset) {
  return retried([&] { return pread_once(fd, out, std::min(bytes, kLargestTransfer), offset); });
}

std::size_t System::write(int fd, const void* data, std::size_t bytes) {
  return continued(data, bytes,
                   [&](const char* from, std::size_t piece, std::size_t) { return write_once(fd, from, piece); });
}

std::size_t System::pwrite(int fd, const void* data, std::size_t bytes, std::uint64_t offset) {
  return continued(data, bytes, [&](const char* from, std::size_t piece, std::size_t done) {
    return pwrite_once(fd, from, piece, offset + done);
  });
}

int System::fsync(int fd) {
  return retried([&] { return fsync_once(fd); });
}

int System::close(int fd) {
  const int result = close_once(fd);
  return result < 0 && errno == EINTR ? 0 : result;  // Linux has closed it all the same
}

int System::truncate(int fd, std::uint64_t bytes) {
  return retried([&] { return truncate_once(fd, bytes); });
}

int System::rename(const Path& from, const Path& to) {
  return retried_once_done(ENOENT, [&] { return rename_once(from, to); });
}

int System::mkdir(const Path& path, unsigned mode) {
  return retried_once_done(EEXIST, [&] { return mkdir_once(path, mode); });
}

int System::unlink(const Path& path) {
  return retried_once_done(ENOENT, [&] { return unlink_once(AT_FDCWD, path, 0); });
}

int System::rmdir(const Path& path) {
  return retried_once_done(ENOENT, [&] { return unlink_once(AT_FDCWD, path, AT_REMOVEDIR); });
}

int System::unlink_at(int folder_fd, const char* name, int flags) {
  return retried_once_done(ENOENT, [&] { return unlink_once(folder_fd, name, flags); });
}

std::chrono::steady_clock::time_point System::monotonic() {
  return std::chrono::steady_clock::now();
}

std::chrono::system_clock::time_point System::wall() {
  return std::chrono::system_clock::now();
}

int System::open_once(const Path& path, int flags, unsigned mode) {
  return ::open(path.c_str(), flags, mode);
}

ssize_t System::read_once(int fd, void* out, std::size_t bytes) {
  return ::read(fd, out, bytes);
}

ssize_t System::pread_once(int fd, void* out, std::size_t bytes, std::uint64_t offset) {
  return ::pread(fd, out, bytes, static_cast<off_t>(offset));
}

ssize_t System::write_once(int fd, const void* data, std::size_t bytes) {
  return ::write(fd, data, bytes);
}

ssize_t System::pwrite_once(int fd, const void* data, std::size_t bytes, std::uint64_t offset) {
  return ::pwrite(fd, data, bytes, static_cast<off_t>(offset));
}

int System::fsync_once(int fd) {
  return ::fsync(fd);
}

int System::close_once(int fd) {
  return ::close(fd);
}

int System::truncate_once(int fd, std::uint64_t bytes) {
  return ::ftruncate(fd, static_cast<off_t>(bytes));
}

int System::rename_once(const Path& from, const Path& to) {
  return ::rename(from.c_str(), to.c_str());
}

int System::mkdir_once(const Path& path, unsigned mode) {
  return ::mkdir(path.c_str(), mode);
}

int System::unlink_once(int folder_fd, const Path& path, int flags) {
  return ::unlinkat(folder_fd, path.c_str(), flags);
}

}  // namespace pathline
