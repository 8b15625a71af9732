#include "tools/progress.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/number_text.h"

namespace pathline::tools {
namespace {

constexpr double kShortTerminal = 0.2, kShortElsewhere = 5;  // seconds; what is done sooner shows nothing
constexpr int kBarWidth = 30;

}  // namespace

Progress::Progress(std::string title, bool silent)
    : title_(std::move(title)), line_(!silent, std::chrono::seconds(5)) {}

void Progress::update(double fraction, const std::string& detail) {
  const double elapsed = clock_.seconds();
  if (elapsed < (line_.on_terminal() ? kShortTerminal : kShortElsewhere) || !line_.due()) return;
  fraction = std::clamp(fraction, 0.0, 1.0);
  const std::string left = fraction > 0 ? duration_text(elapsed / fraction * (1 - fraction)) : "?";
  if (line_.on_terminal()) {
    const auto full = static_cast<std::size_t>(fraction * kBarWidth);
    line_.show(fmt::format("{} [{}{}] {:3.0f} %  {} left  {}", title_, std::string(full, '#'),
                           std::string(kBarWidth - full, '.'), 100 * fraction, left, detail));
  } else {
    line_.show(
        fmt::format("{}: {:.0f} %, {} left{}{}", title_, 100 * fraction, left, detail.empty() ? "" : ", ", detail));
  }
}

}  // namespace pathline::tools
