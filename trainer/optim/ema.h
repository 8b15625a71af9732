#pragma once
// Exponential moving average of the weights, with a half-life counted in images, so that it does not depend on the
// batch size.

#include <ATen/core/Tensor.h>

namespace pathline {

/// Weight of the old average after `images` images, of which the last `batch` are new:
///   beta = 0.5^(batch / min(halflife, ramp * images)).
/// `ramp` (EDM, Karras et al. 2022: 0.05) shortens the half-life while the run is young; 0 switches that off.
/// `halflife` 0: no average, 0.
double ema_beta(double halflife, double ramp, double images, double batch);

/// average = beta * average + (1 - beta) * weights, in place, in float32.
void update_ema(at::Tensor average, const at::Tensor& weights, double beta);

}  // namespace pathline
