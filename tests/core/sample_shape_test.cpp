#include "core/sample_shape.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

using Sizes = std::vector<std::int64_t>;

TEST(SampleShape, APictureHasChannelsFirst) {
  const SampleShape shape = SampleShape::picture(3, 32, 16);

  EXPECT_EQ(shape.sizes(), (Sizes{3, 32, 16}));
  EXPECT_EQ(shape.values(), 1536);
  EXPECT_EQ(shape.channels(), 3);
  EXPECT_EQ(shape.describe(), "picture [3, 32, 16]");
}

TEST(SampleShape, AVectorAndASequenceAreNormalisedPerValueOfAStep) {
  EXPECT_EQ(SampleShape::vector(7).channels(), 7);
  EXPECT_EQ(SampleShape::sequence(16, 7).channels(), 7);
  EXPECT_EQ(SampleShape::sequence(16, 7).values(), 112);
}

TEST(SampleShape, ABatchComesFirst) {
  EXPECT_EQ(SampleShape::sequence(16, 7).batch_sizes(4), (Sizes{4, 16, 7}));
}

TEST(SampleShape, KindsOfEqualSizesDiffer) {
  EXPECT_NE(SampleShape::sequence(2, 3), SampleShape::sequence(3, 2));
  EXPECT_EQ(SampleShape::vector(6), SampleShape::vector(6));
  EXPECT_EQ(SampleShape().values(), 0);
}

}  // namespace
}  // namespace pathline
