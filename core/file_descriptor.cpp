#include "core/file_descriptor.h"

#include <cerrno>

#include "core/error.h"
#include "core/system.h"

namespace pathline {

int open_retrying(const std::filesystem::path& path, int flags, unsigned mode) {
  return System::current().open(path, flags, mode);
}

std::size_t read_some(int fd, void* out, std::size_t bytes, const std::filesystem::path& path) {
  const ssize_t got = System::current().read(fd, out, bytes);
  if (got < 0) throw system_error(errno, "cannot read the file", path.string());
  return static_cast<std::size_t>(got);
}

std::size_t read_at(int fd, void* out, std::size_t bytes, std::uint64_t offset, const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = System::current().pread(fd, static_cast<char*>(out) + done, bytes - done, offset + done);
    if (got < 0) throw system_error(errno, "cannot read the file", path.string());
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace pathline
