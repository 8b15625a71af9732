#include "trainer/optim/clip.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(ClipFactor, ScalesOnlyGradientsAboveTheLimit) {
  EXPECT_EQ(clip_factor(0.5, 1.0), 1.0);
  EXPECT_NEAR(clip_factor(4.0, 1.0), 0.25, 1e-6);
  EXPECT_EQ(clip_factor(4.0, 0.0), 1.0);
}

}  // namespace
}  // namespace pathline
