#include "core/share.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(Share, RunsFollowOneAnotherAndAreAsEvenAsTheyCanBe) {
  for (std::uint64_t total = 0; total <= 30; ++total) {
    for (std::uint64_t ranks = 1; ranks <= 9; ++ranks) {
      std::uint64_t next = 0, shortest = total, longest = 0;
      for (std::uint64_t rank = 0; rank < ranks; ++rank) {
        const Share share = share_of(total, rank, ranks);
        EXPECT_EQ(share.first, next);
        next = share.last;
        shortest = std::min(shortest, share.count());
        longest = std::max(longest, share.count());
      }

      EXPECT_EQ(next, total);
      EXPECT_LE(longest - shortest, 1u) << total << " over " << ranks;
    }
  }
}

}  // namespace
}  // namespace pathline
