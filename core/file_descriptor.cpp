#include "core/file_descriptor.h"

#include <algorithm>
#include <cerrno>

#include "core/error.h"

namespace pathline {
namespace {
constexpr std::size_t kLargestTransfer = std::size_t{1} << 30;  // Linux moves at most 2 GiB - 4 KiB in one call
}

int open_retrying(const std::filesystem::path& path, int flags, unsigned mode) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::size_t read_some(int fd, void* out, std::size_t bytes, const std::filesystem::path& path) {
  while (true) {
    const ssize_t got = ::read(fd, out, std::min(bytes, kLargestTransfer));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw system_error(errno, "cannot read the file", path.string());
  }
}

std::size_t read_at(int fd, void* out, std::size_t bytes, std::uint64_t offset, const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::pread(fd, static_cast<char*>(out) + done, std::min(bytes - done, kLargestTransfer),
                                static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw system_error(errno, "cannot read the file", path.string());
    }
  }
  return done;
}

}  // namespace pathline
