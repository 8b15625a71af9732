#include "core/regular_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/stat.h>

#include "core/error.h"
#include "core/stop_signal.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, mode_t mode) {
  throw Error(ExitCode::bad_input, "expected a regular file, found " + file_kind(mode), path.string(),
              S_ISDIR(mode) ? "this is a folder: name a file" : "name a regular file, or put one in its place");
}

/// What a shell hands to a program in place of a file.
bool is_from_shell(const fs::path& path) {
  const std::string text = path.lexically_normal().string();
  return text == "/dev/stdin" || text.rfind("/dev/fd/", 0) == 0 || text.rfind("/proc/self/fd/", 0) == 0;
}

/// Opens without waiting; regular or not, it is there. O_NONBLOCK means nothing to a regular file but this: where
/// another process holds a lease on it (a file server), the call does not wait for that one to give it back.
FileDescriptor open_without_waiting(const fs::path& path, int flags, unsigned mode, const std::string& what) {
  FileDescriptor fd(open_retrying(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode));
  const int reason = errno;
  struct stat status {};
  if (!fd && reason == EWOULDBLOCK && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    fd = FileDescriptor(open_retrying(path, flags | O_CLOEXEC, mode));
  }
  if (fd) return fd;
  // A socket, a FIFO that nobody reads, a folder to be written.
  if ((reason == ENXIO || reason == EISDIR) && ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    refuse(path, status.st_mode);
  }
  throw system_error(reason, "cannot open " + what, path.string());
}

struct stat look_at(const FileDescriptor& fd, const fs::path& path, const std::string& what) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw system_error(errno, "cannot look at " + what, path.string());
  return status;
}

RegularFile open_checked(const fs::path& path, int flags, unsigned mode, const std::string& what) {
  FileDescriptor fd = open_without_waiting(path, flags, mode, what);
  const struct stat status = look_at(fd, path, what);
  if (!S_ISREG(status.st_mode)) refuse(path, status.st_mode);
  return {std::move(fd), static_cast<std::uint64_t>(status.st_size)};
}

/// Until there is something to read, or the end; a request to stop ends the wait.
void wait_for_data(const FileDescriptor& fd, const fs::path& path) {
  constexpr int look_again = 100;  // milliseconds
  pollfd waiting{fd.get(), POLLIN, 0};
  while (::poll(&waiting, 1, look_again) <= 0) throw_if_stop_requested(path.string());
}

/// To the end rather than to the size seen at the opening, which is 0 for pipes and for files of /proc.
/// `waits`: it may be a pipe, whose writer takes its time.
std::string read_to_end(const FileDescriptor& fd, std::uint64_t bytes, std::uint64_t limit, const fs::path& path,
                        bool waits) {
  const auto require_within = [&](std::uint64_t size) {
    if (size <= limit) return;
    throw Error(ExitCode::bad_input, "the file is larger than the " + std::to_string(limit) + " bytes allowed here",
                path.string(), "is this the right file?");
  };
  require_within(bytes);
  std::string contents;
  contents.reserve(static_cast<std::size_t>(bytes) + 1);
  std::size_t filled = 0;
  while (true) {
    if (waits) wait_for_data(fd, path);
    contents.resize(std::max(contents.capacity(), filled + 65536));
    const std::size_t got = read_some(fd.get(), contents.data() + filled, contents.size() - filled, path);
    if (got == 0) break;
    filled += got;
    require_within(filled);
  }
  contents.resize(filled);
  return contents;
}

}  // namespace

std::string file_kind(mode_t mode) {
  if (S_ISREG(mode)) return "a regular file";
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode)) return "a character device";
  if (S_ISBLK(mode)) return "a block device";
  return "something that is no file";
}

RegularFile open_regular_file(const fs::path& path, const std::string& what) {
  return open_checked(path, O_RDONLY, 0, what);
}

FileDescriptor open_regular_file_to_append(const fs::path& path, const std::string& what) {
  return open_checked(path, O_WRONLY | O_CREAT | O_APPEND, 0666, what).fd;
}

void require_regular_file(const fs::path& path, const std::string& what) {
  open_regular_file(path, what);
}

std::string read_whole(const RegularFile& file, std::uint64_t limit, const fs::path& path) {
  return read_to_end(file.fd, file.bytes, limit, path, false);
}

FileDescriptor open_input(const fs::path& path, const std::string& what) {
  FileDescriptor fd = open_without_waiting(path, O_RDONLY, 0, what);
  const mode_t mode = look_at(fd, path, what).st_mode;
  if (S_ISREG(mode)) return fd;
  const bool pipe = S_ISFIFO(mode) && is_from_shell(path);
  if (!pipe && !S_ISCHR(mode)) refuse(path, mode);
  // This opening has a description of its own, so that nobody else's reads change.
  if (::fcntl(fd.get(), F_SETFL, 0) != 0) throw system_error(errno, "cannot read " + what, path.string());
  return fd;
}

std::string read_input(const fs::path& path, std::uint64_t limit, const std::string& what) {
  return read_to_end(open_input(path, what), 0, limit, path, true);
}

}  // namespace pathline
