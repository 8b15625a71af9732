#pragma once
// The learning rate as a pure function of the step: linear warm-up, then constant or a half cosine down to a fraction.

#include <cstdint>
#include <string>

namespace pathline {

struct LearningRateSettings {
  double peak = 1e-3;
  std::uint64_t warmup_steps = 0;
  std::string schedule = "constant";  ///< "constant" or "cosine"
  double final_fraction = 0.0;        ///< cosine ends at final_fraction * peak
};

/// Rate for optimizer step `step` (0 = the first) of `total_steps`. Warm-up: peak * (step + 1) / warmup_steps, so that
/// no step is wasted on a rate of zero. Cosine (Loshchilov & Hutter, SGDR, eq. 5, one cycle): reaches final_fraction *
/// peak at the last step.
double learning_rate_at(const LearningRateSettings& settings, std::uint64_t step, std::uint64_t total_steps);

}  // namespace pathline
