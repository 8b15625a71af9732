#include "data/read/batch_plan.h"

#include <gtest/gtest.h>

namespace pathline::data {
namespace {

TEST(BatchPlan, RanksShareTheMicroBatchesWithoutGapOrOverlap) {
  for (std::uint64_t micro_batches = 1; micro_batches <= 12; ++micro_batches) {
    for (int ranks = 1; ranks <= static_cast<int>(micro_batches); ++ranks) {
      std::uint64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const BatchPlan plan{micro_batches * 8, 8, rank, ranks};
        EXPECT_EQ(plan.first_micro(), next);
        EXPECT_GT(plan.last_micro(), plan.first_micro());
        next = plan.last_micro();
      }

      EXPECT_EQ(next, micro_batches);
    }
  }
}

}  // namespace
}  // namespace pathline::data
