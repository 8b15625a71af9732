#include "trainer/parallel/agreement.h"

#include <atomic>
#include <mutex>
#include <new>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/thread_communicator.h"

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

}  // namespace
}  // namespace pathline::parallel
