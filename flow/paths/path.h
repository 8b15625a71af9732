#pragma once
// Probability paths between noise (t = 0) and data (t = 1), and the velocity a network learns on them.
// Thread-safety: pure functions.

#include <ATen/core/Tensor.h>

namespace pathline::flow {

/// A point on the path of each sample and the velocity of the path there.
struct PathPoint {
  at::Tensor x_t;     ///< [B, …], as x0
  at::Tensor target;  ///< dx_t/dt, [B, …], as x0
};

/// The straight ("linear", conditional optimal transport) path: x_t = (1 - t) x0 + t x1, target x1 - x0. x0 is exact at
/// t = 0, x1 at t = 1. x0 (noise), x1 (data) [B, …]; t [B]. (Lipman et al., "Flow Matching for Generative Modeling",
/// 2023, with sigma_min = 0; Liu et al., "Flow Straight and Fast", 2022.)
PathPoint linear_path(const at::Tensor& x0, const at::Tensor& x1, const at::Tensor& t);

}  // namespace pathline::flow
