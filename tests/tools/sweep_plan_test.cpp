#include <gtest/gtest.h>

#include "tools/sweep/plan.h"

namespace pathline::tools {
namespace {

TEST(ShareOut, EveryRankGetsAboutTheSameWork) {
  const std::vector<double> costs = {1, 8, 2, 7, 3, 3};

  const std::vector<int> owner = share_out(costs, 2);

  double first = 0, second = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) (owner[i] == 0 ? first : second) += costs[i];
  EXPECT_EQ(first, 12);
  EXPECT_EQ(second, 12);
}

TEST(ShareOut, DearestCellsGoToDifferentRanks) {
  const std::vector<int> owner = share_out({1, 1, 1, 100, 100}, 3);

  EXPECT_NE(owner[3], owner[4]);
  EXPECT_EQ(owner[0], owner[1]);
}

TEST(ShareOut, MoreRanksThanCellsLeavesSomeIdle) {
  EXPECT_EQ(share_out({5}, 4), std::vector<int>{0});
  EXPECT_TRUE(share_out({}, 4).empty());
}

}  // namespace
}  // namespace pathline::tools
