#include "trainer/parallel/engine/bfloat16.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace pathline::parallel {
namespace {

TEST(Bfloat16, RoundsToNearestEvenAndKeepsSpecialValues) {
  EXPECT_EQ(from_bfloat16(to_bfloat16(1.0F)), 1.0F);
  EXPECT_EQ(from_bfloat16(to_bfloat16(1.0F + 1.0F / 256)), 1.0F);               // a tie: to the even neighbour below
  EXPECT_EQ(from_bfloat16(to_bfloat16(1.0F + 3.0F / 256)), 1.0F + 4.0F / 256);  // a tie: to the even one above
  EXPECT_EQ(from_bfloat16(to_bfloat16(-0.0F)), 0.0F);
  EXPECT_TRUE(std::isinf(from_bfloat16(to_bfloat16(std::numeric_limits<float>::infinity()))));
  EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::bit_cast<float>(0x7F800001U)))));
}

}  // namespace
}  // namespace pathline::parallel
