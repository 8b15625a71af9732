#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/networks/network.h"
#include "flow/objectives/loss.h"
#include "flow/objectives/objective_batch.h"
#include "flow/paths/path_point.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

/// v(x, t, label) = w x + t + label.
class SmallNetwork final : public VelocityNetwork {
 public:
  SmallNetwork() : VelocityNetwork(NetworkSettings{}) { w = register_parameter("w", at::full({}, 0.5)); }
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) override {
    const at::Tensor v = w * x + t.view({-1, 1});
    return condition.empty() ? v : v + condition.values[0].view({-1, 1});
  }
  at::Tensor w;
};

ObjectiveBatch some_batch() {
  ObjectiveBatch batch;
  batch.x0 = at::randn({3, 4});
  batch.x1 = at::randn({3, 4});
  batch.t = at::rand({3});
  batch.condition = Condition(at::tensor({0, 1, 2}, at::kLong));
  batch.path = make_path("linear");
  batch.prediction = make_prediction("velocity");
  return batch;
}

TEST(VelocityObjective, IsTheSquaredErrorOfTheVelocityPerSample) {
  SmallNetwork network;
  const ObjectiveBatch batch = some_batch();

  const at::Tensor losses = make_objective("velocity")->losses(network, batch);

  const at::Tensor x_t = at::lerp(batch.x0, batch.x1, batch.t.view({3, 1}));
  const at::Tensor expected =
      velocity_loss_per_sample(network.forward(x_t, batch.t, batch.condition), batch.x1 - batch.x0);
  EXPECT_TRUE(at::equal(losses, expected));
}

TEST(VelocityObjective, ReachesTheParameters) {
  SmallNetwork network;

  make_objective("velocity")->losses(network, some_batch()).sum().backward();

  EXPECT_NE(network.w.grad().item<float>(), 0);
}

/// The network says half of the velocity.
class Half final : public Prediction {
 public:
  std::string text() const override { return "half"; }
  at::Tensor target(const PathPoint& point, const Path&) const override { return point.velocity / 2; }
  at::Tensor to_velocity(const at::Tensor& output, const at::Tensor&, const at::Tensor&, const Path&) const override {
    return 2 * output;
  }
};

TEST(VelocityObjective, ComparesVelocitiesWhateverTheNetworkSays) {
  SmallNetwork network;
  ObjectiveBatch batch = some_batch();
  batch.prediction = std::make_shared<Half>();

  const at::Tensor losses = make_objective("velocity")->losses(network, batch);

  const at::Tensor x_t = at::lerp(batch.x0, batch.x1, batch.t.view({3, 1}));
  const at::Tensor velocity = 2 * network.forward(x_t, batch.t, batch.condition);
  EXPECT_TRUE(at::allclose(losses, velocity_loss_per_sample(velocity, batch.x1 - batch.x0)));
}

TEST(Objectives, AreMadeAgainFromTheirText) {
  for (const auto& entry : objective_table()) {
    const std::string text = make_objective(entry.name)->text();
    EXPECT_EQ(make_objective(text)->text(), text);
  }
}

TEST(Objectives, AnUnknownNameIsRefusedWithTheNearest) {
  const Error error = test::error_of([] { (void)make_objective("velocity2"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(test::contains(error.hint(), "did you mean velocity?"));
}

}  // namespace
}  // namespace pathline::flow
