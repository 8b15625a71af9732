#include "tools/fit/quasi_newton.h"

#include <ATen/ATen.h>
#include <ATen/ops/linalg_inv.h>

namespace pathline::tools {

namespace {

at::Tensor vector_of(const std::vector<double>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::dtype(at::kDouble));
}

}  // namespace

QuasiNewton::QuasiNewton(const at::Tensor& curvature, double damping) {
  at::Tensor damped = curvature.to(at::kCPU, at::kDouble).clone();
  damped.diagonal().mul_(1 + damping);
  // Keeps a direction that nothing, or next to nothing, depends on from being infinitely long.
  constexpr double relative_floor = 1e-6, floor = 1e-9;
  damped.diagonal().add_(floor + relative_floor * damped.diagonal().mean().item<double>());
  inverse_ = at::linalg_inv(damped);
}

std::vector<double> QuasiNewton::direction(const std::vector<double>& gradient) const {
  const at::Tensor result = at::mv(inverse_, vector_of(gradient)).neg_().contiguous();
  return {result.const_data_ptr<double>(), result.const_data_ptr<double>() + result.numel()};
}

void QuasiNewton::learn(const std::vector<double>& step, const std::vector<double>& gradient_change) {
  constexpr double least_curvature = 1e-10;
  const at::Tensor s = vector_of(step), y = vector_of(gradient_change);
  const double curvature = at::dot(s, y).item<double>();
  if (!(curvature > least_curvature * s.norm().item<double>() * y.norm().item<double>())) return;
  // Nocedal and Wright, Numerical Optimization, (6.17), multiplied out.
  const at::Tensor h = at::mv(inverse_, y);
  const double along = at::dot(y, h).item<double>();
  inverse_.add_(at::outer(s, s), 1 / curvature + along / (curvature * curvature));
  inverse_.sub_(at::outer(h, s).add_(at::outer(s, h)), 1 / curvature);
}

}  // namespace pathline::tools
