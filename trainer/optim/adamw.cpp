#include "trainer/optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

namespace pathline {

void AdamWSettings::fields(FieldVisitor& f) {
  f.real("optimizer.beta1", beta1, 0.0, 0.999999, Effect::steering, "decay of the first moment per step");
  f.real("optimizer.beta2", beta2, 0.0, 0.99999999, Effect::steering, "decay of the second moment per step");
  f.real("optimizer.eps", eps, 1e-30, 1.0, Effect::steering, "added to the root of the second moment");
  f.real("optimizer.weight_decay", weight_decay, 0.0, 1e3, Effect::steering,
         "decoupled weight decay, times the learning rate");
}

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
  return {"adamw", "Adam with decoupled weight decay", declare_fields<AdamWSettings>,
          [](const Config& config) -> std::shared_ptr<const Optimizer> {
            return std::make_shared<AdamW>(read_fields<AdamWSettings>(config));
          }};
}

}  // namespace pathline
