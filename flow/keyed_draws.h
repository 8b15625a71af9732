#pragma once
// Random numbers that belong to the samples of a batch: the same for a sample on any rank, in any micro-batch, after
// any restart (docs/random-numbers.md). Thread-safety: immutable value.

#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/random.h"

namespace pathline::flow {

/// Which sample, in which epoch, and its place in the order of the run, which is the number of samples consumed before
/// it.
struct SampleKey {
  std::uint64_t position = 0, epoch = 0, sample = 0;
};

/// Draws for objectives, purpose `objective`. Draws are numbered, at most kDraws of up to 2^28 values each: the same
/// number is the same values again, another number others, independent of them.
class KeyedDraws {
 public:
  static constexpr std::uint32_t kDraws = 64;

  KeyedDraws() = default;  ///< of no samples
  KeyedDraws(std::uint64_t seed, std::vector<SampleKey> samples) : seed_(seed), samples_(std::move(samples)) {}
  KeyedDraws to(at::Device device) const;

  /// [B] float64, in the open interval (0, 1). REQUIRES: draw < kDraws (std::out_of_range), here and below.
  at::Tensor uniform(std::uint32_t draw) const;
  /// [B, sizes…] float32, N(0, 1).
  at::Tensor normal(std::uint32_t draw, at::IntArrayRef sizes) const;

 private:
  RandomStream stream(std::uint32_t draw, std::size_t sample) const;

  std::uint64_t seed_ = 0;
  std::vector<SampleKey> samples_;
  at::Device device_ = at::kCPU;
};

}  // namespace pathline::flow
