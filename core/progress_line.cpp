#include "core/progress_line.h"

#include <unistd.h>

#include "core/log.h"
#include "core/terminal.h"

namespace pathline {
namespace {

constexpr std::chrono::milliseconds kTerminalPause{250};

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
  draw_line(text);
  open_ = true;
}

void ProgressLine::end() {
  if (open_) print_err("\n");
  open_ = false;
}

void ProgressLine::erase() {
  if (open_) clear_line();
  open_ = false;
}

}  // namespace pathline
