#include "core/number_text.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(DurationText, HasDaysOnlyWhereThereAreAny) {
  EXPECT_EQ(duration_text(59.6), "0:01:00");
  EXPECT_EQ(duration_text(90061), "1 d 01:01:01");
  EXPECT_EQ(duration_text(1.0 / 0.0), "?");
}

TEST(Listed, NamesAFewAndCountsTheOthers) {
  EXPECT_EQ(listed({}), "");
  EXPECT_EQ(listed({5}), "5");
  EXPECT_EQ(listed({1, 2, 3, 4, 5, 6, 7, 8}), "1, 2, 3, 4, 5, 6, 7, 8");
  EXPECT_EQ(listed({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), "1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
}

TEST(Grouped, PutsCommasBetweenThousands) {
  EXPECT_EQ(grouped(7), "7");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

}  // namespace
}  // namespace pathline
