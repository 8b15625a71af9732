#include "trainer/optim/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pathline {

double learning_rate_at(const LearningRateSettings& settings, std::uint64_t step, std::uint64_t total_steps) {
  if (step < settings.warmup_steps) {
    return settings.peak * static_cast<double>(step + 1) / static_cast<double>(settings.warmup_steps);
  }
  if (settings.schedule == "constant") return settings.peak;
  const std::uint64_t decay_steps = total_steps > settings.warmup_steps ? total_steps - settings.warmup_steps : 0;
  const double done =
      decay_steps <= 1
          ? 1.0
          : std::min(1.0, static_cast<double>(step - settings.warmup_steps) / static_cast<double>(decay_steps - 1));
  const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return settings.peak * (settings.final_fraction + (1.0 - settings.final_fraction) * cosine);
}

}  // namespace pathline
