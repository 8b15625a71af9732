#include "trainer/log/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "core/log.h"

namespace pathline {

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e9) return "?";
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  const std::uint64_t days = whole / 86400, hours = whole / 3600 % 24, minutes = whole / 60 % 60;
  if (days > 0) return fmt::format("{} d {:02}:{:02}:{:02}", days, hours, minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
}

std::string progress_text(const ProgressState& s) {
  return fmt::format("step {}/{}  images {}  loss {:.4f}  lr {:.2e}  {:.0f} img/s  left {}", grouped(s.step),
                     grouped(s.total_steps), grouped(s.images), s.loss, s.learning_rate, s.images_per_second,
                     duration_text(s.seconds_left));
}

Progress::Progress(bool enabled)
    : enabled_(enabled),
      terminal_(::isatty(STDERR_FILENO) != 0),
      next_(Clock::now()),
      pause_(terminal_ ? std::chrono::milliseconds(250) : std::chrono::seconds(15)) {}

Progress::~Progress() {
  clear();
}

bool Progress::due() const {
  return enabled_ && Clock::now() >= next_;
}

void Progress::update(const ProgressState& state) {
  if (!enabled_) return;
  next_ = Clock::now() + pause_;
  if (!terminal_) {
    log_info(progress_text(state));
    return;
  }
  // \033[K clears what a longer line left behind.
  fmt::print(stderr, "\r{}\033[K", progress_text(state));
  std::fflush(stderr);
  line_open_ = true;
}

void Progress::clear() {
  if (!line_open_) return;
  std::fputc('\n', stderr);
  line_open_ = false;
}

}  // namespace pathline
