#include "trainer/optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

namespace pathline {

std::string AdamW::describe() const {
  return fmt::format("AdamW, betas {:g} {:g}, eps {:g}, weight decay {:g}", settings_.beta1, settings_.beta2,
                     settings_.eps, settings_.weight_decay);
}

std::vector<OptimizerBuffer> AdamW::buffers() const {
  return {{"exp_avg"}, {"exp_avg_sq"}};  // m and v
}

void AdamW::update(const OptimizerSlice& slice, double learning_rate, std::uint64_t step) const {
  const at::NoGradGuard no_grad;
  // The kernel takes the number of this update in a float tensor, exact up to 2^24; by then both bias corrections are 1
  // to the last bit.
  const at::Tensor count =
      at::scalar_tensor(static_cast<double>(step), at::TensorOptions(at::kFloat).device(slice.weights.device()));
  at::_fused_adamw_({slice.weights}, {slice.gradients}, {slice.buffers.at(0)}, {slice.buffers.at(1)}, {}, {count},
                    learning_rate, settings_.beta1, settings_.beta2, settings_.weight_decay, settings_.eps,
                    /*amsgrad=*/false, /*maximize=*/false);
}

OptimizerKind adamw_kind() {
  const auto add_keys = [](ConfigSchema& schema) {
    const AdamWSettings defaults;
    schema.add_real("optimizer.beta1", defaults.beta1, 0.0, 0.999999, "decay of the first moment per step");
    schema.add_real("optimizer.beta2", defaults.beta2, 0.0, 0.99999999, "decay of the second moment per step");
    schema.add_real("optimizer.eps", defaults.eps, 1e-30, 1.0, "added to the root of the second moment");
    schema.add_real("optimizer.weight_decay", defaults.weight_decay, 0.0, 1e3,
                    "decoupled weight decay, times the learning rate");
  };
  const auto make = [](const Config& config) -> std::shared_ptr<const Optimizer> {
    return std::make_shared<AdamW>(AdamWSettings{config.real("optimizer.beta1"), config.real("optimizer.beta2"),
                                                 config.real("optimizer.eps"), config.real("optimizer.weight_decay")});
  };
  return {"adamw", "Adam with decoupled weight decay", add_keys, make};
}

}  // namespace pathline
