// Flow matching (Lipman et al., "Flow Matching for Generative Modeling", 2023): the mean squared error of the velocity,
// every t with weight 1. What the network says and what it should say are turned into velocities alike, so that the
// clamp of a prediction acts on both: with x1 said on the linear path this is |x1 said - x1|^2 / max(1 - t, clamp)^2.

#include <ATen/core/Tensor.h>

#include "flow/networks/network.h"
#include "flow/objectives/loss.h"
#include "flow/objectives/objective_batch.h"
#include "flow/paths/path_point.h"

namespace pathline::flow::objectives {
namespace {

class Velocity final : public Objective {
 public:
  std::string text() const override { return "velocity"; }

  at::Tensor losses(VelocityNetwork& network, const ObjectiveBatch& batch) const override {
    const PathPoint point = batch.path->point(batch.x0, batch.x1, batch.t);
    const auto velocity = [&](const at::Tensor& output) {
      return batch.prediction->to_velocity(output, point.x_t, point.t, *batch.path);
    };
    const at::Tensor target = velocity(batch.prediction->target(point, *batch.path));
    return velocity_loss_per_sample(velocity(network.forward(point.x_t, point.t, batch.condition)), target);
  }
};

}  // namespace

MethodEntry<Objective> velocity() {
  return {"velocity", "", "mean squared error of the velocity, every t with weight 1",
          [](const MethodArguments& arguments) -> std::shared_ptr<const Objective> {
            arguments.expect_none();
            return std::make_shared<Velocity>();
          }};
}

}  // namespace pathline::flow::objectives
