#pragma once
// What a training run says of its progress (core/progress_line.h shows it). Thread-safety: pure functions.

#include <cstdint>
#include <string>

namespace pathline {

struct ProgressState {
  std::uint64_t step = 0, total_steps = 0, images = 0;
  double loss = 0, learning_rate = 0, images_per_second = 0;
  double seconds_left = 0;
};

/// "step 1,200/10,000  images 153,600  loss 0.2411  lr 1.00e-03  161 img/s  left 0:52:10"
std::string progress_text(const ProgressState& state);

}  // namespace pathline
