#include "trainer/parallel/heartbeat.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "tests/trainer/parallel/thread_communicator.h"

namespace pathline::parallel {
namespace {

using namespace std::chrono_literals;

TEST(AllAgree, IsTrueOnlyWhereEveryRankSaysSo) {
  for (const int ranks : {1, 2, 3, 4, 5, 8}) {
    for (int dissenter = -1; dissenter < ranks; ++dissenter) {
      std::atomic<int> agreeing{0};
      test::run_ranks(ranks, [&](Communicator& communicator) {
        if (all_agree(communicator, communicator.rank() != dissenter)) ++agreeing;
      });
      EXPECT_EQ(agreeing, dissenter < 0 ? ranks : 0) << ranks << " ranks, not " << dissenter;
    }
  }
}

TEST(Heartbeat, EndsWhenEveryRankHasComeToItsEnd) {
  constexpr int ranks = 3;
  std::atomic<int> arrived{0}, early{0};

  test::run_ranks(ranks, [&](Communicator& communicator) {
    {
      const Heartbeat heartbeat(communicator.duplicate("heartbeat"), 1ms);
      if (communicator.rank() == 0) std::this_thread::sleep_for(50ms);
      ++arrived;
    }
    if (arrived != ranks) ++early;
  });

  EXPECT_EQ(early, 0);
}

TEST(Heartbeat, LetsARankThatFailsGoAndBeatsOnForTheOthers) {
  // What the thread that is left behind may look at until the program ends.
  static auto& shared = *new test::ThreadCommunicator::Shared(2);
  std::atomic<bool> failed{false};
  const auto work = [&](Communicator& communicator) {
    const Heartbeat heartbeat(std::make_unique<test::ThreadCommunicator>(shared, communicator.rank()), 1ms);
    if (communicator.rank() == 1) throw std::runtime_error("alone");
    while (!failed) std::this_thread::sleep_for(1ms);
  };

  test::run_ranks(2, [&](Communicator& communicator) {
    try {
      work(communicator);
    } catch (const std::runtime_error&) {
      failed = true;  // reached while rank 0 still works: it goes on only now
    }
  });

  EXPECT_TRUE(failed);
}

}  // namespace
}  // namespace pathline::parallel
