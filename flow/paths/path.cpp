#include "flow/paths/path.h"

#include <stdexcept>
#include <vector>

#include <ATen/ATen.h>

namespace pathline::flow {

PathPoint linear_path(const at::Tensor& x0, const at::Tensor& x1, const at::Tensor& t) {
  if (x0.sizes() != x1.sizes() || t.dim() != 1 || t.size(0) != x0.size(0)) {
    throw std::logic_error("linear_path: x0 and x1 must have one shape [B, ...] and t the shape [B]");
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x0.dim()), 1);
  shape[0] = x0.size(0);
  // lerp gives both ends exactly, and x0's own memory format is kept.
  return {at::lerp(x0, x1, t.to(x0.scalar_type()).view(shape)), x1 - x0};
}

}  // namespace pathline::flow
