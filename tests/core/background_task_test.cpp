#include "core/background_task.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace pathline {
namespace {

TEST(BackgroundTask, RunsItsJobsOneByOneOnOneOtherThread) {
  BackgroundTask task("test");
  std::vector<std::thread::id> threads;
  int sum = 0;

  for (int i = 1; i <= 100; ++i) {
    task.start([&, i] {
      threads.push_back(std::this_thread::get_id());
      sum += i;
    });
    task.wait();
  }

  EXPECT_EQ(sum, 5050);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
  EXPECT_EQ(threads.front(), threads.back());
}

TEST(BackgroundTask, LetsItsOwnerGoOnMeanwhile) {
  BackgroundTask task("test");
  std::latch owner_went_on(1);

  task.start([&] { owner_went_on.wait(); });  // never ends if start() waited for it
  task.rethrow_failure();
  owner_went_on.count_down();
  task.wait();
}

TEST(BackgroundTask, RefusesASecondJobMeanwhile) {
  std::latch release(1);
  BackgroundTask task("test");
  task.start([&] { release.wait(); });

  EXPECT_THROW(task.start([] {}), std::logic_error);

  release.count_down();
}

TEST(BackgroundTask, FinishesTheJobUnderWayWhenDestroyed) {
  std::atomic<bool> done = false;
  {
    BackgroundTask task("test");
    task.start([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      done = true;
    });
  }

  EXPECT_TRUE(done);
}

TEST(BackgroundTask, ThrowsTheFailureOfAJobOnceAndGoesOn) {
  BackgroundTask task("test");
  bool ran = false;

  task.start([] { throw std::runtime_error("disk full"); });
  task.wait();

  EXPECT_THROW(task.rethrow_failure(), std::runtime_error);
  task.rethrow_failure();
  task.start([&] { ran = true; });
  task.wait();
  EXPECT_TRUE(ran);
}

TEST(BackgroundTask, HasALowPriorityWithoutLoweringThatOfItsOwner) {
  const int own = getpriority(PRIO_PROCESS, 0);
  int priority = 0;
  BackgroundTask task("test", 5);

  task.start([&] { priority = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); });
  task.wait();

  EXPECT_EQ(priority, std::min(own + 5, 19));
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
}

TEST(BackgroundTask, HasALowerPriorityThanAnOwnerOfLowPriority) {
  int own = 0, priority = 0;
  std::thread owner([&] {
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 7);
    own = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    BackgroundTask task("test", 5);
    task.start([&] { priority = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); });
    task.wait();
  });
  owner.join();

  EXPECT_GE(own, 7);  // more where the tests themselves run under nice
  EXPECT_EQ(priority, std::min(own + 5, 19));
}

}  // namespace
}  // namespace pathline
