#include "trainer/parallel/communicator.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <new>
#include <thread>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/parallel/watchdog.h"

namespace pathline::parallel {
namespace {

using test::contains;
using test::error_of;
using test::run_ranks;

TEST(Together, LetsEverybodyGoOnWhenNobodyFails) {
  std::atomic<int> done{0};

  run_ranks(3, [&](Communicator& communicator) { together(communicator, [&] { ++done; }); });

  EXPECT_EQ(done, 3);
}

TEST(Together, ThrowsTheErrorOfTheLowestFailingRankOnEveryRank) {
  std::mutex mutex;
  std::vector<std::string> messages;

  run_ranks(4, [&](Communicator& communicator) {
    const Error error = error_of([&] {
      together(communicator, [&] {
        if (communicator.rank() >= 2) {
          throw Error(ExitCode::file_system, "disk full on " + std::to_string(communicator.rank()), "file.bin",
                      "free some");
        }
      });
    });
    const std::lock_guard lock(mutex);
    EXPECT_EQ(error.code(), ExitCode::file_system);
    messages.push_back(error.what());
  });

  ASSERT_EQ(messages.size(), 4U);
  for (const std::string& message : messages) {
    EXPECT_EQ(message, messages.front());
    EXPECT_TRUE(contains(message, "rank 2 of 4"));
    EXPECT_TRUE(contains(message, "disk full on 2"));
    EXPECT_TRUE(contains(message, "free some"));
  }
}

TEST(Together, KeepsThePlaceAsItIsWhenAlone) {
  const auto self = make_self_communicator();

  const Error error = error_of([&] { together(*self, [] { throw Error(ExitCode::bad_input, "broken", "a.h5"); }); });

  EXPECT_EQ(error.place(), "a.h5");
}

TEST(Together, CarriesForeignExceptionsByTheirFirstLine) {
  const auto self = make_self_communicator();

  const Error error =
      error_of([&] { together(*self, [] { throw std::runtime_error("what it is\n#0 frame\n#1 frame"); }); });

  EXPECT_EQ(error.message(), "what it is");
  EXPECT_EQ(static_cast<int>(error.code()), 1);
}

TEST(Together, CallsExhaustedMemoryByItsName) {
  const auto self = make_self_communicator();

  const Error error = error_of([&] { together(*self, [] { throw std::bad_alloc(); }); });

  EXPECT_TRUE(contains(error.what(), "out of memory"));
}

#ifndef PATHLINE_WITHOUT_MPI
TEST(MpiSession, IsInactiveWithoutALauncherAndOffersOnlySelf) {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr)
    GTEST_SKIP() << "under mpirun";
  MpiSession session(nullptr, nullptr);

  EXPECT_FALSE(session.active());
  EXPECT_EQ(session.communicator()->name(), "self");
  EXPECT_EQ(error_of([&] { session.communicator("mpi"); }).code(), ExitCode::usage);
  EXPECT_EQ(error_of([&] { session.communicator("nccl"); }).code(), ExitCode::usage);
}

#endif

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
