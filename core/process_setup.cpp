#include "core/process_setup.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_descriptor.h"

namespace pathline {
namespace {

void fill_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    const int filled = open_retrying("/dev/null", O_RDWR);  // the lowest free number, which is this one
    if (filled >= 0 && filled != fd) ::close(filled);
  }
}

void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void keep_others_from_writing() {
  const mode_t given = ::umask(S_IWGRP | S_IWOTH);
  ::umask((given & S_IWOTH) != 0 ? given : given | S_IWGRP | S_IWOTH);
}

}  // namespace

void set_up_process() {
  fill_standard_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  raise_open_files();
  keep_others_from_writing();
}

}  // namespace pathline
