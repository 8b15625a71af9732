// What holds for every prediction of the table on every path.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/paths/path_point.h"
#include "flow/predictions/prediction.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

TEST(Predictions, WhatANetworkShouldSayMeansTheVelocityOfThePath) {
  const auto options = at::TensorOptions(at::kDouble);
  const at::Tensor x0 = at::randn({6, 4}, options), x1 = at::randn({6, 4}, options),
                   t = at::tensor({0.06, 0.2, 0.4, 0.6, 0.8, 0.94}, options);
  for (const auto& path_entry : path_table()) {
    const auto path = make_path(path_entry.name);
    const PathPoint point = path->point(x0, x1, t);
    for (const auto& entry : prediction_table()) {
      const auto prediction = make_prediction(entry.name);

      const at::Tensor velocity = prediction->to_velocity(prediction->target(point, *path), point.x_t, t, *path);

      EXPECT_TRUE(at::allclose(velocity, point.velocity, 1e-9, 1e-9)) << entry.name << " on " << path_entry.name;
    }
  }
}

TEST(Predictions, AreFiniteAtBothEndsOfEveryPath) {
  const at::Tensor x = at::randn({2, 3}), t = at::tensor({0.0f, 1.0f});
  for (const auto& path_entry : path_table()) {
    const auto path = make_path(path_entry.name);
    for (const auto& entry : prediction_table()) {
      const auto prediction = make_prediction(entry.name);

      const at::Tensor target = prediction->target(path->point(x, -x, t), *path);

      EXPECT_TRUE(at::isfinite(target).all().item<bool>()) << entry.name << " on " << path_entry.name;
      EXPECT_TRUE(at::isfinite(prediction->to_velocity(target, x, t, *path)).all().item<bool>())
          << entry.name << " on " << path_entry.name;
    }
  }
}

TEST(Predictions, AreMadeAgainFromTheirText) {
  for (const auto& entry : prediction_table()) {
    const std::string text = make_prediction(entry.name)->text();
    EXPECT_EQ(make_prediction(text)->text(), text);
  }
}

TEST(Predictions, AnUnknownNameIsRefusedWithTheNearest) {
  const Error error = test::error_of([] { (void)make_prediction("velocty"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(test::contains(error.message(), "unknown prediction 'velocty'"));
  EXPECT_TRUE(test::contains(error.hint(), "did you mean velocity?"));
}

// No rounding between the network and the solver where the network says the velocity already.
TEST(VelocityPrediction, IsTheOutputItself) {
  const at::Tensor output = at::randn({2, 3}), x = at::randn({2, 3}), t = at::rand({2});

  EXPECT_TRUE(make_prediction("velocity")->to_velocity(output, x, t, *make_path("linear")).is_same(output));
}

}  // namespace
}  // namespace pathline::flow
