#pragma once
// What a path computes, as tensors. Thread-safety: plain values; copies share their tensors.

#include <ATen/core/Tensor.h>

#include "flow/paths/path.h"

namespace pathline::flow {

/// x_t = alpha x1 + sigma x0; d_alpha and d_sigma are the derivatives in t.
struct PathCoefficients {
  at::Tensor alpha, sigma, d_alpha, d_sigma;
};

/// A batch on its paths.
struct PathPoint {
  at::Tensor x0, x1;    ///< the ends, [B, …]
  at::Tensor t;         ///< [B], as it was given
  at::Tensor x_t;       ///< [B, …], as x0
  at::Tensor velocity;  ///< dx_t/dt, [B, …], as x0
};

/// t [B] as [B, 1, …], so that it goes with x [B, …], in x's dtype.
at::Tensor beside(const at::Tensor& t, const at::Tensor& x);

}  // namespace pathline::flow
