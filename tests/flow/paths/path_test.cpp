#include "flow/paths/path.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

TEST(LinearPath, EndsAreExactlyNoiseAndData) {
  const at::Tensor x0 = at::randn({2, 3, 4, 4}), x1 = at::randn({2, 3, 4, 4});

  const auto at_noise = linear_path(x0, x1, at::zeros({2}));
  const auto at_data = linear_path(x0, x1, at::ones({2}));

  EXPECT_TRUE(at::equal(at_noise.x_t, x0));
  EXPECT_TRUE(at::equal(at_data.x_t, x1));
}

TEST(LinearPath, EachSampleHasItsOwnTime) {
  const at::Tensor x0 = at::zeros({2, 1, 1, 2}), x1 = at::full({2, 1, 1, 2}, 8.0);

  const auto point = linear_path(x0, x1, at::tensor({0.25f, 0.75f}));

  EXPECT_TRUE(at::equal(point.x_t, at::tensor({2.0f, 2.0f, 6.0f, 6.0f}).view({2, 1, 1, 2})));
}

TEST(LinearPath, TargetIsTheTimeDerivativeOfThePath) {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor x0 = at::randn({3, 2, 2, 2}, options), x1 = at::randn({3, 2, 2, 2}, options),
                   t = at::rand({3}, options);

  const auto point = linear_path(x0, x1, t);
  const at::Tensor difference = (linear_path(x0, x1, t + 1e-4).x_t - linear_path(x0, x1, t - 1e-4).x_t) / 2e-4;

  EXPECT_TRUE(at::allclose(point.target, difference, 1e-9, 1e-9));
}

TEST(LinearPath, MismatchedShapesAreRefused) {
  EXPECT_THROW(linear_path(at::zeros({2, 3}), at::zeros({1, 3}), at::zeros({2})), std::logic_error);
  EXPECT_THROW(linear_path(at::zeros({2, 3}), at::zeros({2, 3}), at::zeros({1})), std::logic_error);
}

}  // namespace
}  // namespace pathline::flow
