#include "core/terminal.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/plain_text.h"

namespace pathline {
namespace {

constexpr int kUnknownReason = -1;
std::atomic<int> output_failure{0};  // errno of the first write to standard output that failed

/// A pipe that nobody reads, or a terminal that has hung up.
bool reader_is_gone(int reason) {
  struct stat status {};
  return reason == EPIPE || (reason == EIO && ::fstat(STDOUT_FILENO, &status) == 0 && S_ISCHR(status.st_mode));
}

void note_failure(int reason) {
  int none = 0;
  output_failure.compare_exchange_strong(none, reason != 0 ? reason : kUnknownReason);
}

void write_out(std::string_view text) {
  if (output_failure != 0) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) note_failure(errno);
}

void write_err(std::string_view text) {
  (void)!std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

void print_out(std::string_view text) {
  write_out(plain_text(text));
}

void print_data(std::string_view text) {
  if (::isatty(STDOUT_FILENO) != 0) {
    print_out(text);
  } else {
    write_out(text);
  }
}

void print_err(std::string_view text) {
  write_err(plain_text(text));
}

void draw_line(std::string_view text) {
  // \033[K clears what a longer line left behind.
  write_err("\r" + plain_line(text) + "\033[K");
}

void clear_line() {
  write_err("\r\033[K");
}

void finish_output() {
  errno = 0;
  if (std::fflush(stdout) != 0) note_failure(errno);
  const int reason = output_failure.exchange(0);
  std::clearerr(stdout);
  if (reason == 0 || reader_is_gone(reason)) return;
  throw system_error(reason == kUnknownReason ? EIO : reason, "cannot write the results", "standard output");
}

}  // namespace pathline
