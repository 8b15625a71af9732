#include "trainer/train_config.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/environment_variable.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/run_config.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::tiny_config;

TrainConfig resolved(const std::vector<std::string>& options, int ranks = 1, int local_ranks = 1, int cores = 8) {
  return resolve_run_config(tiny_config("/somewhere", options), ranks, local_ranks, cores).train;
}

Error refusal(const std::vector<std::string>& options, int ranks = 1) {
  const Error error = error_of([&] { resolved(options, ranks); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  return error;
}

TEST(TrainConfig, RoundsALengthInImagesUpToWholeSteps) {
  EXPECT_EQ(resolved({"--train.steps", "0", "--train.images", "17"}).steps, 3U);
}

TEST(TrainConfig, WantsExactlyOneLength) {
  EXPECT_TRUE(contains(refusal({"--train.images", "100"}).what(), "train.images"));
  EXPECT_TRUE(contains(refusal({"--train.steps", "0"}).what(), "train.steps"));
}

TEST(TrainConfig, SharesTheGlobalBatchOutWhenNoMicroBatchIsGiven) {
  EXPECT_EQ(resolved({"--train.micro_batch", "0", "--parallel.reduction", "fast"}, 4).micro_batch, 2U);
}

TEST(TrainConfig, RefusesAGlobalBatchThatRanksCannotShare) {
  const Error error = refusal({"--train.micro_batch", "0", "--parallel.reduction", "fast"}, 3);

  EXPECT_TRUE(contains(error.what(), "train.global_batch"));
  EXPECT_TRUE(contains(error.hint(), "6 or 9"));
}

TEST(TrainConfig, RefusesAMicroBatchThatDoesNotDivide) {
  const Error error = refusal({"--train.micro_batch", "3"});

  EXPECT_TRUE(contains(error.what(), "train.micro_batch"));
  EXPECT_TRUE(contains(error.hint(), "2"));
}

TEST(TrainConfig, RefusesMoreRanksThanMicroBatches) {
  EXPECT_TRUE(contains(refusal({"--train.micro_batch", "4"}, 3).what(), "too few for 3 ranks"));
  EXPECT_TRUE(contains(refusal({"--train.micro_batch", "1"}, 9).hint(), "fewer ranks"));
}

TEST(TrainConfig, WantsAMicroBatchThatDoesNotFollowTheRanksForReproducibleSums) {
  EXPECT_TRUE(contains(refusal({"--train.micro_batch", "0"}).what(), "reproducible"));
}

TEST(TrainConfig, SharesTheCoresOfAHostAmongItsRanksUnlessBitsMustNotFollowThem) {
  test::EnvironmentVariable omp("OMP_NUM_THREADS");
  const std::vector<std::string> fast = {"--train.threads", "0", "--parallel.reduction", "fast"};

  EXPECT_EQ(resolved(fast, 2, 2, 8).threads, 4);
  EXPECT_EQ(resolved(fast, 4, 4, 2).threads, 1);
  EXPECT_EQ(resolved({"--train.threads", "0"}, 2, 2, 8).threads, 1);
  EXPECT_EQ(resolved({"--train.threads", "3"}, 2, 2, 8).threads, 3);

  omp.set("2");
  EXPECT_EQ(resolved(fast, 2, 2, 8).threads, 2);
  EXPECT_EQ(resolved({"--train.threads", "3"}, 2, 2, 8).threads, 3);  // who gives a number means it
}

}  // namespace
}  // namespace pathline
