#include "flow/guidance/classifier_free.h"

#include <ATen/ATen.h>

namespace pathline::flow {

int classifier_free_passes(double w) noexcept {
  return w == 0 || w == 1 ? 1 : 2;
}

at::Tensor classifier_free(const VelocityPass& velocity, const Condition& given, const Condition& null, double w) {
  if (w == 0) return velocity(null);
  const at::Tensor c = velocity(given);
  if (w == 1) return c;
  const at::Tensor u = velocity(null);
  return (c - u).mul_(w).add_(u);
}

}  // namespace pathline::flow
