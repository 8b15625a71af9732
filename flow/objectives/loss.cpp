#include "flow/objectives/loss.h"

#include <stdexcept>

#include <ATen/ATen.h>

namespace pathline::flow {

at::Tensor velocity_loss_per_sample(const at::Tensor& velocity, const at::Tensor& target) {
  // Broadcasting would silently average over a wrong shape.
  if (velocity.sizes() != target.sizes() || velocity.dim() < 2) {
    throw std::logic_error("velocity_loss: velocity and target must have one shape [B, ...]");
  }
  const auto dtype = velocity.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return (velocity.to(dtype) - target.to(dtype)).square().flatten(1).mean(1);
}

at::Tensor velocity_loss_mean(const at::Tensor& velocity, const at::Tensor& target) {
  return velocity_loss_per_sample(velocity, target).mean();
}

}  // namespace pathline::flow
