#pragma once
// Adding one run of floats to another. Thread-safety: pure.

#include <cstddef>
#include <span>

namespace pathline::parallel {

/// target[i] += source[i]. REQUIRES: equal sizes, no overlap.
inline void add_floats(std::span<float> target, std::span<const float> source) {
  float* __restrict out = target.data();
  const float* __restrict in = source.data();
  const std::size_t blocks = target.size() / 16;
  for (std::size_t block = 0; block < blocks; ++block, out += 16, in += 16) {
    for (std::size_t i = 0; i < 16; ++i) out[i] += in[i];  // a constant count: vectorised at -O2
  }
  for (std::size_t i = 0; i < target.size() % 16; ++i) out[i] += in[i];
}

}  // namespace pathline::parallel
