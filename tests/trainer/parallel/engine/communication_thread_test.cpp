#include "trainer/parallel/engine/communication_thread.h"

#include <array>
#include <atomic>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/parallel/engine/reduction.h"

namespace pathline::parallel {
namespace {

using test::error_of;
using test::run_ranks;

TEST(CommunicationThread, RunsJobsInOrderAndHandsTheFirstExceptionOver) {
  CommunicationThread thread;
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) thread.submit([&ran, i] { ran.push_back(i); });
  thread.wait();
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));

  thread.submit([] { throw Error(ExitCode::peer, "lost"); });
  thread.submit([&ran] { ran.push_back(3); });

  EXPECT_EQ(error_of([&] { thread.wait(); }).message(), "lost");
  thread.submit([&ran] { ran.push_back(4); });
  thread.wait();
  EXPECT_EQ(ran.back(), 4);
}

TEST(CommunicationThread, DropsJobsThatHaveNotBegunWhenItEnds) {
  std::atomic<int> ran{0};
  {
    CommunicationThread thread;
    std::atomic<bool> begun{false};
    thread.submit([&] {
      begun = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++ran;
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < 10; ++i) thread.submit([&] { ++ran; });
  }

  EXPECT_EQ(ran, 1);
}

// What the gradient engine does, without LibTorch, so that it can be run under the thread sanitizer: one thread fills
// buckets and hands each over as it is full, the communication thread of every rank reduces them meanwhile.
TEST(CommunicationThread, ReducesBucketsWhileTheNextOnesAreFilled) {
  constexpr std::size_t kBuckets = 8, kValues = 1000;
  constexpr int kRanks = 3, kSteps = 5;
  for (const char* kind : {"fast", "reproducible"}) {
    run_ranks(kRanks, [&](Communicator& communicator) {
      const auto channel = communicator.gradient_channel();
      std::vector<float> gradients(kBuckets * kValues);
      ReductionPlan plan;
      for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        plan.buckets.push_back({bucket * kValues, kValues});
        plan.slices.push_back({{0, 300}, {300, 300}, {600, 400}});
      }
      const auto reduction = make_reduction(kind, *channel, gradients, plan, {{0, 1}, {1, 2}, {2, 3}});
      CommunicationThread thread;

      for (int step = 1; step <= kSteps; ++step) {
        for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
          const auto values = std::span<float>(gradients).subspan(bucket * kValues, kValues);
          for (float& value : values) value = static_cast<float>(step * (communicator.rank() + 1));
          thread.submit([&reduction, bucket] { reduction->reduce(bucket); });
        }
        double scalar[] = {1.0};
        communicator.all_reduce_sum(std::span<double>(scalar));  // the training thread's own collective, meanwhile
        thread.wait();

        EXPECT_EQ(scalar[0], kRanks);
        for (const float value : gradients) ASSERT_EQ(value, static_cast<float>(step * 6)) << kind;
      }
    });
  }
}

}  // namespace
}  // namespace pathline::parallel
