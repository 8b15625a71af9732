#include "core/progress_line.h"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "core/log.h"

namespace pathline {
namespace {

constexpr std::chrono::milliseconds kTerminalPause{250};
constexpr const char* kClearToEnd = "\033[K";  // what a longer line left behind

}  // namespace

ProgressLine::ProgressLine(bool enabled, std::chrono::seconds pause)
    : enabled_(enabled), terminal_(::isatty(STDERR_FILENO) != 0), next_(Clock::now()), pause_(pause) {
  if (terminal_) pause_ = kTerminalPause;
}

bool ProgressLine::due() const {
  return enabled_ && Clock::now() >= next_;
}

void ProgressLine::show(const std::string& text) {
  if (!enabled_) return;
  next_ = Clock::now() + pause_;
  if (!terminal_) {
    log_info(text);
    return;
  }
  fmt::print(stderr, "\r{}{}", text, kClearToEnd);
  std::fflush(stderr);
  open_ = true;
}

void ProgressLine::end() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

void ProgressLine::erase() {
  if (open_) fmt::print(stderr, "\r{}", kClearToEnd);
  open_ = false;
}

}  // namespace pathline
