#pragma once
// The regression loss of flow matching. Thread-safety: pure functions.

#include <ATen/core/Tensor.h>

namespace pathline::flow {

/// Squared velocity error of each sample, averaged over all of its elements, in float32 (float64 stays float64). Weight
/// 1 for every t: the "velocity loss". velocity, target [B, …] -> [B].
at::Tensor velocity_loss_per_sample(const at::Tensor& velocity, const at::Tensor& target);

/// Mean over the samples, a scalar.
at::Tensor velocity_loss_mean(const at::Tensor& velocity, const at::Tensor& target);

}  // namespace pathline::flow
