#include "trainer/step_result.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/parallel/agreement.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::run_ranks;

TEST(StepSums, AreUnpackedAsTheyWerePacked) {
  const StepSums sums = StepSums::unpacked(StepSums{1, 2, 3, 4, 5}.packed());

  EXPECT_EQ(sums.loss, 1);
  EXPECT_EQ(sums.samples, 2);
  EXPECT_EQ(sums.skipping, 3);
  EXPECT_EQ(sums.stopping, 4);
  EXPECT_EQ(sums.failed, 5);
}

TEST(AgreeOn, GivesEveryRankTheMeanLossOfAllSamples) {
  run_ranks(3, [](parallel::Communicator& communicator) {
    StepResult step;
    step.loss_sum = communicator.rank();
    step.samples = 2;

    agree_on(step, communicator);

    EXPECT_EQ(step.loss(), 0.5);
    EXPECT_FALSE(step.skip);
    EXPECT_FALSE(step.stop);
  });
}

TEST(AgreeOn, MakesAllRanksSkipWhatOneCannotUse) {
  run_ranks(3, [](parallel::Communicator& communicator) {
    StepResult step;
    step.loss_sum = 1;
    step.samples = 1;
    if (communicator.rank() == 1) step.problem = "not finite";

    agree_on(step, communicator);

    EXPECT_TRUE(step.skip);
    EXPECT_FALSE(step.stop);
  });
}

TEST(AgreeOn, MakesAllRanksStopWhenOneIsAskedTo) {
  run_ranks(3, [](parallel::Communicator& communicator) {
    StepResult step;
    step.stop = communicator.rank() == 2;

    agree_on(step, communicator);

    EXPECT_TRUE(step.stop);
    EXPECT_FALSE(step.skip);
  });
}

TEST(AgreeOn, ThrowsTheFailureOfOneOnAllRanks) {
  run_ranks(3, [](parallel::Communicator& communicator) {
    StepResult step;
    if (communicator.rank() == 2) {
      try {
        throw Error(ExitCode::bad_input, "a damaged image");
      } catch (...) {
        step.failure = parallel::serialize_current_exception();
      }
    }

    const Error error = error_of([&] { agree_on(step, communicator); });

    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_TRUE(contains(error.what(), "rank 2 of 3")) << error.what();
  });
}

TEST(GatherProblems, NamesTheRanksThatHaveOne) {
  run_ranks(3, [](parallel::Communicator& communicator) {
    const std::string own = communicator.rank() == 1 ? "" : "sample " + std::to_string(communicator.rank());

    EXPECT_EQ(gather_problems(own, communicator), "rank 0: sample 0; rank 2: sample 2");
  });
}

TEST(GatherProblems, NamesNoRankWhereThereIsOne) {
  EXPECT_EQ(gather_problems("sample 7", *parallel::make_self_communicator()), "sample 7");
}

}  // namespace
}  // namespace pathline
