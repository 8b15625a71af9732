#include "flow/objectives/loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

TEST(VelocityLoss, PerSampleIsTheMeanSquareOverItsElements) {
  const at::Tensor velocity = at::tensor({1.0f, 3.0f, 0.0f, 0.0f}).view({2, 1, 1, 2}), target = at::zeros({2, 1, 1, 2});

  const at::Tensor loss = velocity_loss_per_sample(velocity, target);

  EXPECT_TRUE(at::equal(loss, at::tensor({5.0f, 0.0f})));
}

TEST(VelocityLoss, Bfloat16VelocitiesAreComparedInFloat32) {
  const at::Tensor velocity = at::full({1, 1, 1, 1}, 1.0, at::kBFloat16), target = at::full({1, 1, 1, 1}, 1.001);

  const at::Tensor loss = velocity_loss_mean(velocity, target);

  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  EXPECT_NEAR(loss.item<float>(), 1e-6f, 1e-9f);
}

TEST(VelocityLoss, ShapesThatWouldBroadcastAreRefused) {
  EXPECT_THROW(velocity_loss_mean(at::zeros({2, 1, 4, 4}), at::zeros({2, 4, 4})), std::logic_error);
}

}  // namespace
}  // namespace pathline::flow
