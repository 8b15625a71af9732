#pragma once
// The randomness of flow matching for a batch of training samples: noise, times, dropped conditions. Every draw is a
// pure function of (seed, epoch, sample), or of these and the sample's place in its global batch where the timestep
// distribution spreads a batch evenly. Thread-safety: pure function.

#include <cstdint>
#include <span>

#include <ATen/core/Tensor.h>

#include "core/sample_shape.h"
#include "flow/flow_spec.h"
#include "flow/keyed_draws.h"

namespace pathline::flow {

struct TrainingDraws {
  at::Tensor x0;       ///< [B, …] float32, N(0, 1)
  at::Tensor t;        ///< [B] float32
  at::Tensor dropped;  ///< [B] bool, whose condition is not given; undefined where none ever is
};

/// `global_batch`: samples per step, which a sample's position tells its place in. Work is shared among LibTorch's
/// threads.
TrainingDraws draw_for_training(const FlowTraining& training, std::uint64_t seed, std::span<const SampleKey> samples,
                                std::uint64_t global_batch, const SampleShape& shape);

}  // namespace pathline::flow
