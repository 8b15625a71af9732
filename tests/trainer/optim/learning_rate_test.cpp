#include "trainer/optim/learning_rate.h"

#include <cmath>

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(LearningRate, WarmsUpLinearlyToThePeak) {
  const LearningRateSettings settings{2.0, 4, "constant", 0};

  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 0, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 3, 100), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 4, 100), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 99, 100), 2.0);
}

TEST(LearningRate, FallsAlongACosineToItsFinalFraction) {
  const LearningRateSettings settings{1.0, 10, "cosine", 0.1};

  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 10, 111), 1.0);
  EXPECT_NEAR(learning_rate_at(settings, 60, 111), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate_at(settings, 110, 111), 0.1, 1e-12);
}

TEST(LearningRate, IsFiniteWhenTheWarmUpIsTheWholeRun) {
  const LearningRateSettings settings{1.0, 10, "cosine", 0.1};

  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 9, 10), 1.0);
  EXPECT_TRUE(std::isfinite(learning_rate_at(settings, 10, 10)));
}

}  // namespace
}  // namespace pathline
