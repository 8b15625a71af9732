#include "trainer/checkpoint/resume.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;
using test::TemporaryFolder;

/// A checkpoint of the tiny run (batches of 8, seed 0) and the configuration that resumes it.
class Resume : public testing::Test {
 protected:
  Resume() : config_(test::tiny_config(folder_.path())), run_(resolve_run_config(config_, 1, 1, 1)) {
    run_.network.shape = SampleShape::picture(1, 8, 8);
    contents_ = test::contents_at(4);
    contents_.state = {4, 40, 0, 32.0};
    contents_.model.network = run_.network;
    contents_.config_ini = config_.to_ini();
  }

  std::optional<CheckpointInfo> resume() {
    write_checkpoint(run_.checkpoint.dir, contents_);
    return find_resume_point(run_, config_, "abc", false);
  }

  TemporaryFolder folder_;
  Config config_;
  RunConfig run_;
  CheckpointContents contents_;
};

TEST_F(Resume, TakesACheckpointOfThisRun) {
  EXPECT_EQ(resume()->state.position, 40U);
}

TEST_F(Resume, RefusesAPositionThatIsNoMultipleOfTheBatch) {
  contents_.state.position = 41;

  const Error error = error_of([&] { resume(); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.place(), "step-000000004/state.json"));
  EXPECT_TRUE(contains(error.message(), "state.position: expected a multiple of the 8 images of a batch"));
  EXPECT_TRUE(contains(error.message(), "found 41"));
}

TEST_F(Resume, RefusesAPositionBeforeThatOfItsSteps) {
  contents_.state.position = 24;
  contents_.state.ema_images = 24;

  const Error error = error_of([&] { resume(); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "state.position"));
}

TEST_F(Resume, RefusesAnAverageOfOtherImagesThanThoseOfItsSteps) {
  contents_.state.ema_images = 31;

  const Error error = error_of([&] { resume(); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "state.ema_images: expected 32, the images of 4 steps, found 31"));
}

TEST_F(Resume, RefusesAStateOfAnotherSeedThanItsConfiguration) {
  contents_.state.seed = 9;

  const Error error = error_of([&] { resume(); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "state.seed: expected 0, as in config.ini, found 9"));
}

TEST_F(Resume, NamesTheFieldsOfTheStoredNetworkThatDiffer) {
  contents_.model.network.shape = SampleShape::picture(1, 8, 16);

  const Error error = error_of([&] { resume(); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.message(), "network image_width (state.json): 16 in the checkpoint, 8 now"));
  EXPECT_FALSE(contains(error.message(), "image_height"));
}

TEST_F(Resume, CutsLongValuesOfSettingsThatHaveChanged) {
  std::string attention = "1";
  for (int i = 0; i < 50000; ++i) attention += ",1";
  contents_.config_ini = test::tiny_config(folder_.path(), {"--network.attention", attention}).to_ini();

  const Error error = error_of([&] { resume(); });

  EXPECT_TRUE(contains(error.message(), "network.attention: 1,1,1"));
  EXPECT_LT(error.message().size(), 1000U);
}

TEST_F(Resume, BeginsAnewWithAWarningWhereNoCheckpointIsWhole) {
  test::damage(write_checkpoint(run_.checkpoint.dir, contents_) / "model.safetensors");

  testing::internal::CaptureStderr();
  const auto found = find_resume_point(run_, config_, "abc", false);
  const std::string said = testing::internal::GetCapturedStderr();

  EXPECT_FALSE(found);
  EXPECT_TRUE(contains(said, "none of the 1 checkpoints is whole: training begins anew"));
}

/// A run of the tiny network, in a folder that may hold a checkpoint of it.
class FindResumePoint : public testing::Test {
 protected:
  /// Writes a checkpoint of step `step`, made with `options` on data with the hash "abc".
  void write(std::uint64_t step, const std::vector<std::string>& options = {}) const {
    CheckpointContents contents = test::contents_at(step);
    const Config config = test::tiny_config(folder_.path(), options);
    contents.config_ini = config.to_ini();
    contents.state.seed = static_cast<std::uint64_t>(config.integer("train.seed"));
    if (step == 0) contents.state.position = 0;
    write_checkpoint(folder_ / "run", contents);
  }
  std::optional<CheckpointInfo> find(const std::vector<std::string>& options = {}, const std::string& data_hash = "abc",
                                     bool fresh = false) const {
    const Config config = test::tiny_config(folder_.path(), options);
    RunConfig run = resolve_run_config(config, 1, 1, 1);
    run.network = test::tiny_network();
    return find_resume_point(run, config, data_hash, fresh);
  }

  /// The configuration with another line in place of the one that says which optimizer it is.
  std::string with_kind_line(const std::string& line) const {
    std::string ini = test::tiny_config(folder_.path()).to_ini();
    const std::string before = "kind = adamw\n";
    return ini.replace(ini.find(before), before.size(), line);
  }

  TemporaryFolder folder_;
};

TEST_F(FindResumePoint, FindsNothingInAnEmptyFolder) {
  EXPECT_FALSE(find().has_value());
}

TEST_F(FindResumePoint, FindsTheNewestCheckpointOfTheSameRun) {
  write(3);
  write(6);

  EXPECT_EQ(find().value().state.step, 6U);
}

TEST_F(FindResumePoint, GoesOnWithAnotherLearningRateAndSaysSo) {
  write(3);
  testing::internal::CaptureStderr();

  const auto found = find({"--optimizer.lr", "0.5"});

  EXPECT_TRUE(found.has_value());
  EXPECT_TRUE(contains(testing::internal::GetCapturedStderr(), "optimizer.lr was 0.01 and is 0.5 now: from step 3 on"));
}

TEST_F(FindResumePoint, RefusesAnotherRunNamingAllThatHasChanged) {
  write(3);

  const Error error = error_of([&] { find({"--train.seed", "5", "--train.flip", "true"}, "xyz"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "train.seed: 0 in the checkpoint, 5 now")) << error.what();
  EXPECT_TRUE(contains(error.what(), "train.flip: false in the checkpoint, true now")) << error.what();
  EXPECT_TRUE(contains(error.what(), "data.shards (content): abc in the checkpoint, xyz now")) << error.what();
}

TEST_F(FindResumePoint, RefusesACheckpointOfAnOptimizerThatIsNotKnown) {
  CheckpointContents contents = test::contents_at(3);
  contents.config_ini = with_kind_line("kind = lion\n");
  write_checkpoint(folder_ / "run", contents);

  const Error error = error_of([&] { find(); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "optimizer.kind")) << error.what();
}

TEST_F(FindResumePoint, TakesACheckpointFromBeforeThereWereOptimizerKinds) {
  CheckpointContents contents = test::contents_at(3);
  contents.config_ini = with_kind_line("");
  contents.state.seed = 0;
  write_checkpoint(folder_ / "run", contents);

  EXPECT_EQ(find().value().state.step, 3U);
}

TEST_F(FindResumePoint, LetsImportedWeightsBeTrainedWithAnySeedOnAnyData) {
  write(0);

  EXPECT_TRUE(find({"--train.seed", "5"}, "xyz").has_value());
}

TEST_F(FindResumePoint, RefusesACheckpointWhenFresh) {
  write(3);

  const Error error = error_of([&] { find({}, "abc", true); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "--fresh")) << error.what();
}

}  // namespace
}  // namespace pathline
