#include "tools/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace pathline::tools {

namespace {

constexpr std::chrono::milliseconds terminal_interval{200}, plain_interval{5000};
constexpr int bar_width = 30;

std::string duration(double seconds) {
  const auto whole = std::lround(seconds);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::string title, bool silent)
    : title_(std::move(title)),
      silent_(silent),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::update(double fraction, const std::string& detail) {
  if (silent_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < (terminal_ ? terminal_interval : plain_interval)) return;
  last_ = now;
  fraction = std::clamp(fraction, 0.0, 1.0);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const std::string left = fraction > 0 ? duration(elapsed / fraction * (1 - fraction)) : "?";
  if (terminal_) {
    const int full = static_cast<int>(fraction * bar_width);
    fmt::print(stderr, "\r{} [{}{}] {:3.0f} %  {} left  {}\033[K", title_,
               std::string(static_cast<std::size_t>(full), '#'),
               std::string(static_cast<std::size_t>(bar_width - full), '.'), 100 * fraction, left, detail);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    fmt::print(stderr, "{}: {:.0f} %, {} left{}{}\n", title_, 100 * fraction, left, detail.empty() ? "" : ", ", detail);
  }
}

}  // namespace pathline::tools
