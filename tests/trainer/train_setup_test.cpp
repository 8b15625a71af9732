#include "trainer/train_setup.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/train_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;

class TrainSetupTest : public test::TrainFixture {};

TEST_F(TrainSetupTest, RefusesToReuseACheckpointWhenFresh) {
  run();
  TrainOptions fresh;
  fresh.fresh = true;

  const Error error = error_of([&] { run({}, 1, {}, fresh); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "--fresh"));
}

TEST_F(TrainSetupTest, WritesNothingInADryRun) {
  TrainOptions dry;
  dry.dry_run = true;

  EXPECT_EQ(run({}, 2, {}, dry), TrainOutcome::dry_run);

  EXPECT_FALSE(fs::exists(folder_ / "run"));
  EXPECT_FALSE(fs::exists(folder_ / "log"));
}

TEST_F(TrainSetupTest, RefusesToResumeAnotherRunAndListsAllThatHasChanged) {
  run({"--train.steps", "3"});

  const Error error = error_of([&] { run({"--train.seed", "5", "--network.channels", "64"}, 2); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "train.seed: 0 in the checkpoint, 5 now"));
  EXPECT_TRUE(contains(error.what(), "network.channels: 32 in the checkpoint, 64 now"));
}

TEST_F(TrainSetupTest, RefusesToResumeWithOtherData) {
  run({"--train.steps", "3"});
  test::write_tiny_shards(folder_ / "other", 24);

  const Error error = error_of([&] { run({"--data.shards", (folder_ / "other").string()}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "data.shards"));
}

TEST_F(TrainSetupTest, GoesOnFromImportedWeights) {
  run({"--train.steps", "3"});
  const CheckpointInfo trained = open_checkpoint(folder_ / "run");
  CheckpointContents imported;
  imported.model = trained.model;
  imported.model.data_hash = "";
  imported.config_ini =
      "[network]\nchannels = 32\nchannel_mult = 1,1\nattention =\nhead_channels = 32\n[data]\nshards = x\n";
  imported.weights = load_weights(trained, WeightSet::ema);
  imported.ema = imported.weights;
  write_checkpoint(folder_ / "tuned", imported);

  EXPECT_EQ(run(into("tuned", {"--train.steps", "1", "--optimizer.lr", "0", "--train.seed", "77"})),
            TrainOutcome::finished);

  const auto weights = load_weights(open_checkpoint(folder_ / "tuned"), WeightSet::raw);
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_TRUE(weights[i].second.equal(imported.weights[i].second)) << weights[i].first;
}

}  // namespace
}  // namespace pathline
