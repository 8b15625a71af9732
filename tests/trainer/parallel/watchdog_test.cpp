#include "trainer/parallel/watchdog.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"

namespace pathline::parallel {
namespace {

using test::contains;

TEST(Watchdog, CallsBackOnceWithTheCollectiveThatIsWaitedIn) {
  std::mutex mutex;
  std::string message;
  std::atomic<int> calls{0};
  Watchdog watchdog(0.05, [&](const std::string& what) {
    const std::lock_guard lock(mutex);
    message = what;
    ++calls;
  });
  Watchdog::Lane& lane = watchdog.add_lane("training");
  { const Watchdog::Scope done(lane, "broadcast", 16); }

  {
    const Watchdog::Scope scope(lane, "all_reduce", 8);
    for (int i = 0; i < 200 && calls == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  const std::lock_guard lock(mutex);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(contains(message, "in all_reduce (collective #2 of training)")) << message;
  EXPECT_TRUE(contains(message, "training: last begun #2 all_reduce (8), last completed #1 broadcast (16)")) << message;
}

TEST(Watchdog, IsSilentBetweenCollectivesHoweverLongTheyAreApart) {
  std::atomic<int> calls{0};
  Watchdog watchdog(0.05, [&](const std::string&) { ++calls; });
  Watchdog::Lane& lane = watchdog.add_lane("training");

  for (int i = 0; i < 4; ++i) {
    { const Watchdog::Scope scope(lane, "quick"); }
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  }

  EXPECT_EQ(calls, 0);
}

TEST(Watchdog, NoticesAStallOfAnyLane) {
  std::atomic<int> calls{0};
  Watchdog watchdog(0.05, [&](const std::string&) { ++calls; });
  Watchdog::Lane& training = watchdog.add_lane("training");
  Watchdog::Lane& gradients = watchdog.add_lane("gradients");

  gradients.begin("all_reduce", 1);
  gradients.begin("all_reduce", 2);
  gradients.complete();  // the first one: the second is still under way
  for (int i = 0; i < 200 && calls == 0; ++i) {
    const Watchdog::Scope scope(training, "quick");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  EXPECT_EQ(calls, 1);
}

TEST(Watchdog, SaysOfALaneWithoutCollectivesThatThereWereNone) {
  Watchdog watchdog(0, [](const std::string&) {});
  watchdog.add_lane("gradients");

  EXPECT_EQ(watchdog.report(), "gradients: last begun none, last completed none");
}

}  // namespace
}  // namespace pathline::parallel
