// What holds for every path of the table, and the part of the interface that paths share.

#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/paths/path_point.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

/// As it is made without arguments.
class EveryPath : public ::testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Path> path_ = make_path(GetParam());
};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : path_table()) all.emplace_back(entry.name);
  return all;
}

TEST_P(EveryPath, IsMadeAgainFromItsText) {
  EXPECT_EQ(make_path(path_->text())->text(), path_->text());
}

TEST_P(EveryPath, CoefficientsAndDerivativesAgreeWithFiniteDifferences) {
  constexpr double h = 1e-5;
  const at::Tensor t = at::linspace(0.01, 0.99, 99, at::kDouble);

  const PathCoefficients here = path_->coefficients(t), above = path_->coefficients(t + h),
                         below = path_->coefficients(t - h);

  EXPECT_TRUE(at::allclose(here.d_alpha, (above.alpha - below.alpha) / (2 * h), 1e-7, 1e-8));
  EXPECT_TRUE(at::allclose(here.d_sigma, (above.sigma - below.sigma) / (2 * h), 1e-7, 1e-8));
}

TEST_P(EveryPath, TakesMoreAndMoreDataAndLessAndLessNoise) {
  const PathCoefficients c = path_->coefficients(at::linspace(0, 1, 101, at::kDouble));

  EXPECT_TRUE((at::diff(c.alpha) > 0).all().item<bool>());
  EXPECT_TRUE((at::diff(c.sigma) < 0).all().item<bool>());
  EXPECT_TRUE((c.sigma >= 0).all().item<bool>());
}

TEST_P(EveryPath, IsFiniteAtBothEnds) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const PathCoefficients c = path_->coefficients(at::tensor({0.0, 1.0}).to(dtype));
    for (const at::Tensor& each : {c.alpha, c.sigma, c.d_alpha, c.d_sigma}) {
      EXPECT_TRUE(at::isfinite(each).all().item<bool>());
      EXPECT_EQ(each.scalar_type(), dtype);
    }
  }
}

TEST_P(EveryPath, PointIsTheSumAndItsVelocityTheDerivative) {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor x0 = at::randn({3, 2, 2, 2}, options), x1 = at::randn({3, 2, 2, 2}, options),
                   t = at::tensor({0.1, 0.5, 0.85}, options);
  const PathCoefficients c = path_->coefficients(t.view({3, 1, 1, 1}));

  const PathPoint point = path_->point(x0, x1, t);

  EXPECT_TRUE(at::allclose(point.x_t, c.alpha * x1 + c.sigma * x0, 1e-12, 1e-12));
  const at::Tensor difference = (path_->point(x0, x1, t + 1e-4).x_t - path_->point(x0, x1, t - 1e-4).x_t) / 2e-4;
  EXPECT_TRUE(at::allclose(point.velocity, difference, 1e-6, 1e-6));
}

TEST_P(EveryPath, MismatchedShapesAreRefused) {
  EXPECT_THROW(path_->point(at::zeros({2, 3}), at::zeros({1, 3}), at::zeros({2})), std::logic_error);
  EXPECT_THROW(path_->point(at::zeros({2, 3}), at::zeros({2, 3}), at::zeros({1})), std::logic_error);
}

TEST_P(EveryPath, KeepsTheDtypeOfTheEnds) {
  const at::Tensor x0 = at::randn({2, 3}), t = at::rand({2}, at::kDouble);

  const PathPoint point = path_->point(x0, at::randn({2, 3}), t);

  EXPECT_EQ(point.x_t.scalar_type(), at::kFloat);
  EXPECT_EQ(point.velocity.scalar_type(), at::kFloat);
}

INSTANTIATE_TEST_SUITE_P(Paths, EveryPath, ::testing::ValuesIn(names()), [](const auto& name) {
  std::string word = name.param;
  std::replace(word.begin(), word.end(), '-', '_');
  return word;
});

TEST(Paths, AnUnknownNameIsRefusedWithTheNearest) {
  const Error error = test::error_of([] { (void)make_path("linaer"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(test::contains(error.message(), "unknown path 'linaer'"));
  EXPECT_TRUE(test::contains(error.hint(), "did you mean linear?"));
}

}  // namespace
}  // namespace pathline::flow
