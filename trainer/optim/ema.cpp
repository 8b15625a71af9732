#include "trainer/optim/ema.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace pathline {

double ema_beta(double halflife, double ramp, double images, double batch) {
  const double effective = ramp > 0 ? std::min(halflife, ramp * images) : halflife;
  return effective > 0 ? std::pow(0.5, batch / effective) : 0.0;
}

void update_ema(at::Tensor average, const at::Tensor& weights, double beta) {
  const at::NoGradGuard no_grad;
  average.lerp_(weights, 1.0 - beta);
}

}  // namespace pathline
