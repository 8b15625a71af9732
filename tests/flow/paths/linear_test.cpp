#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "flow/paths/path_point.h"

namespace pathline::flow {
namespace {

TEST(LinearPath, EndsAreExactlyNoiseAndData) {
  const auto path = make_path("linear");
  const at::Tensor x0 = at::randn({2, 3, 4, 4}), x1 = at::randn({2, 3, 4, 4});

  EXPECT_TRUE(at::equal(path->point(x0, x1, at::zeros({2})).x_t, x0));
  EXPECT_TRUE(at::equal(path->point(x0, x1, at::ones({2})).x_t, x1));
}

TEST(LinearPath, EachSampleHasItsOwnTime) {
  const at::Tensor x0 = at::zeros({2, 1, 1, 2}), x1 = at::full({2, 1, 1, 2}, 8.0);

  const PathPoint point = make_path("linear")->point(x0, x1, at::tensor({0.25f, 0.75f}));

  EXPECT_TRUE(at::equal(point.x_t, at::tensor({2.0f, 2.0f, 6.0f, 6.0f}).view({2, 1, 1, 2})));
}

// The bits of every run since the first: the interpolation and the velocity must stay these very operations.
TEST(LinearPath, IsLerpAndDifferenceToTheBit) {
  const at::Tensor x0 = at::randn({5, 3}), x1 = at::randn({5, 3}), t = at::rand({5});

  const PathPoint point = make_path("linear")->point(x0, x1, t);

  EXPECT_TRUE(at::equal(point.x_t, at::lerp(x0, x1, t.view({5, 1}))));
  EXPECT_TRUE(at::equal(point.velocity, x1 - x0));
}

}  // namespace
}  // namespace pathline::flow
