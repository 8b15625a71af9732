#include <stdexcept>
#include <vector>

#include <ATen/ATen.h>

#include "flow/paths/path_point.h"

namespace pathline::flow {

at::Tensor beside(const at::Tensor& t, const at::Tensor& x) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = t.size(0);
  return t.to(x.scalar_type()).view(shape);
}

PathPoint Path::point(const at::Tensor& x0, const at::Tensor& x1, const at::Tensor& t) const {
  // Broadcasting would silently make one sample's path of another's ends.
  if (x0.sizes() != x1.sizes() || x0.dim() < 1 || t.dim() != 1 || t.size(0) != x0.size(0))
    throw std::logic_error("Path::point: x0 and x1 must have one shape [B, ...] and t the shape [B]");
  auto [x_t, velocity] = interpolate(x0, x1, beside(t, x0));
  return {x0, x1, t, std::move(x_t), std::move(velocity)};
}

std::pair<at::Tensor, at::Tensor> Path::interpolate(const at::Tensor& x0, const at::Tensor& x1,
                                                    const at::Tensor& t) const {
  const PathCoefficients c = coefficients(t);
  return {c.sigma * x0 + c.alpha * x1, c.d_sigma * x0 + c.d_alpha * x1};
}

}  // namespace pathline::flow
