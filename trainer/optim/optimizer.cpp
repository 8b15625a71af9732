#include "trainer/optim/optimizer.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace pathline {

AdamW::AdamW(const AdamWSettings& settings, std::int64_t values, at::Device device)
    : settings_(settings),
      first_moment_(at::zeros({values}, at::TensorOptions(at::kFloat).device(device))),
      second_moment_(at::zeros_like(first_moment_)) {}

void AdamW::update(at::Tensor weights, const at::Tensor& gradient, double learning_rate, std::uint64_t step,
                   std::int64_t first) {
  const at::NoGradGuard no_grad;
  // The kernel takes the number of this update in a float tensor, exact up to 2^24; by then both bias corrections are 1
  // to the last bit.
  const at::Tensor count =
      at::scalar_tensor(static_cast<double>(step), at::TensorOptions(at::kFloat).device(weights.device()));
  const std::int64_t values = weights.numel();
  at::_fused_adamw_({weights}, {gradient}, {first_moment_.narrow(0, first, values)},
                    {second_moment_.narrow(0, first, values)}, {}, {count}, learning_rate, settings_.beta1,
                    settings_.beta2, settings_.weight_decay, settings_.eps, /*amsgrad=*/false, /*maximize=*/false);
}

double clip_factor(double norm, double limit) {
  return limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1.0;
}

}  // namespace pathline
