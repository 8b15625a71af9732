#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "flow/paths/path_point.h"

namespace pathline::flow {
namespace {

TEST(CosinePath, KeepsTheVariance) {
  const PathCoefficients c = make_path("cosine")->coefficients(at::linspace(0, 1, 101, at::kDouble));

  EXPECT_TRUE(at::allclose(c.alpha.square() + c.sigma.square(), at::ones({101}, at::kDouble), 0, 1e-15));
}

TEST(CosinePath, BeginsWithTheNoiseAndEndsWithTheData) {
  const at::Tensor x0 = at::randn({2, 3}), x1 = at::randn({2, 3});

  const PathPoint point = make_path("cosine")->point(x0, x1, at::tensor({0.0F, 1.0F}));

  EXPECT_TRUE(point.x_t[0].equal(x0[0]));
  EXPECT_TRUE(at::allclose(point.x_t[1], x1[1], 1e-6, 1e-7));
}

TEST(CosinePath, IsSineAndCosine) {
  const PathCoefficients c = make_path("cosine")->coefficients(at::tensor({0.3}, at::kDouble));

  EXPECT_NEAR(c.alpha.item<double>(), std::sin(0.15 * M_PI), 1e-15);
  EXPECT_NEAR(c.sigma.item<double>(), std::cos(0.15 * M_PI), 1e-15);
}

}  // namespace
}  // namespace pathline::flow
