#include "tools/fit/quasi_newton.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::tools {
namespace {

std::vector<double> numbers(const at::Tensor& values) {
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

/// Second derivatives of a bowl with its minimum at 1, 1, 1.
at::Tensor bowl() {
  return at::tensor({4.0, 1.0, 0.0, 1.0, 3.0, 0.5, 0.0, 0.5, 0.2}, at::kDouble).view({3, 3});
}

at::Tensor gradient_at(const at::Tensor& x) {
  return at::mv(bowl(), x - 1);
}

TEST(QuasiNewton, TheTrueCurvatureLeadsToTheMinimumAtOnce) {
  const QuasiNewton model(bowl(), 0);
  const at::Tensor start = at::zeros({3}, at::kDouble);

  const auto direction = model.direction(numbers(gradient_at(start)));

  for (const double moved : direction) EXPECT_NEAR(moved, 1, 1e-4);
}

TEST(QuasiNewton, LearnsACurvatureThatWasWrongAtFirst) {
  QuasiNewton model(at::eye(3, at::kDouble) * 5, 0);
  at::Tensor x = at::zeros({3}, at::kDouble);

  for (int iteration = 0; iteration < 30; ++iteration) {
    const at::Tensor gradient = gradient_at(x), step = at::tensor(model.direction(numbers(gradient)), at::kDouble);
    ASSERT_LE(at::dot(step, gradient).item<double>(), 0) << "not downhill in iteration " << iteration;
    x = x + step;
    model.learn(numbers(step), numbers(gradient_at(x) - gradient));
  }

  EXPECT_TRUE(at::allclose(x, at::ones_like(x), 0, 1e-8));
}

TEST(QuasiNewton, AStepWithoutUpwardCurvatureTeachesNothing) {
  QuasiNewton model(bowl(), 0);
  const std::vector<double> gradient = {1, -2, 0.5};
  const auto before = model.direction(gradient);

  model.learn({1, 0, 0}, {-1, 0, 0});

  EXPECT_EQ(model.direction(gradient), before);
}

TEST(QuasiNewton, ADirectionThatNothingDependsOnIsNoObstacle) {
  const at::Tensor flat = at::tensor({2.0, 0.0, 0.0, 0.0}, at::kDouble).view({2, 2});

  const auto direction = QuasiNewton(flat, 0).direction({2, 0});

  EXPECT_NEAR(direction[0], -1, 1e-4);
  EXPECT_EQ(direction[1], 0);
  EXPECT_EQ(QuasiNewton(at::zeros_like(flat), 0).direction({0, 0}), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace pathline::tools
