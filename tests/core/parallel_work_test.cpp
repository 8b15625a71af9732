#include "core/parallel_work.h"

#include <atomic>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"

namespace pathline {
namespace {

TEST(ParallelWork, DoesEveryPieceOnceAndReportsTheEarliestFailure) {
  std::vector<std::atomic<int>> times(500);

  work_in_parallel(500, 4, [&](std::uint64_t i) { ++times[i]; });

  for (const auto& count : times) EXPECT_EQ(count, 1);
  const Error error = test::error_of([] {
    work_in_parallel(100, 1, [](std::uint64_t i) {
      if (i >= 7) throw Error(ExitCode::numerical, "piece " + std::to_string(i));
    });
  });
  EXPECT_EQ(error.code(), ExitCode::numerical);
  EXPECT_TRUE(test::contains(error.what(), "piece 7"));
}

}  // namespace
}  // namespace pathline
