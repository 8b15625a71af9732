#include "trainer/checkpoint/checkpoint.h"

#include <string>
#include <tuple>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <torch/torch.h>

#include "core/error.h"
#include "core/hash.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/checkpoint/model_json.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::contents_at;
using test::error_of;
using test::TemporaryFolder;

TEST(Checkpoint, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  const CheckpointContents contents = contents_at(12);

  const fs::path written = write_checkpoint(folder.path(), contents);
  const CheckpointInfo info = open_checkpoint(written);

  EXPECT_EQ(written.filename(), "step-000000012");
  EXPECT_EQ(info.state.step, 12U);
  EXPECT_EQ(info.state.position, 104U);
  EXPECT_EQ(info.state.seed, 41U);
  EXPECT_EQ(info.state.ema_images, 96.0);
  EXPECT_EQ(info.config_ini, contents.config_ini);
  EXPECT_EQ(to_json(info.state, info.model), to_json(contents.state, contents.model));
  EXPECT_EQ(info.manifest_sha256, sha256_file(written / "MANIFEST.json"));
  const NamedTensors moments = load_optimizer(info);
  ASSERT_EQ(moments.size(), 1U);
  EXPECT_TRUE(moments[0].second.equal(contents.optimizer[0].second));
}

TEST(Checkpoint, LoadsTheWeightsAskedFor) {
  const TemporaryFolder folder;
  const CheckpointContents contents = contents_at(1);
  const CheckpointInfo info = open_checkpoint(write_checkpoint(folder.path(), contents));

  const auto raw = flow::named_state(*load_network(info, WeightSet::raw));
  const auto ema = flow::named_state(*load_network(info, WeightSet::ema));

  for (std::size_t i = 0; i < raw.size(); ++i) {
    EXPECT_TRUE(raw[i].second.equal(contents.weights[i].second)) << raw[i].first;
    EXPECT_TRUE(ema[i].second.equal(contents.ema[i].second)) << raw[i].first;
  }
  EXPECT_FALSE(load_network(info, WeightSet::raw)->is_training());
}

TEST(Checkpoint, HasTheSameBytesWhenWrittenAgain) {
  const TemporaryFolder one, two;

  const fs::path first = write_checkpoint(one.path(), contents_at(3)),
                 second = write_checkpoint(two.path(), contents_at(3));

  for (const auto& entry : fs::directory_iterator(first)) {
    EXPECT_EQ(test::file_text(entry.path()), test::file_text(second / entry.path().filename())) << entry.path();
  }
}

TEST(Checkpoint, IsOpenedByTheFolderAboveAsTheNewestOne) {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), contents_at(9));
  write_checkpoint(folder.path(), contents_at(10));
  write_checkpoint(folder.path(), contents_at(2));

  EXPECT_EQ(open_checkpoint(folder.path()).state.step, 10U);
  EXPECT_EQ(open_checkpoint(folder.path().string() + "/").state.step, 10U);
}

class EveryFile : public testing::TestWithParam<const char*> {};

TEST_P(EveryFile, OneChangedByteIsNoticedAndTheOlderCheckpointTaken) {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), contents_at(1));
  const fs::path newer = write_checkpoint(folder.path(), contents_at(2));

  test::damage(newer / GetParam());

  const Error error = error_of([&] { open_checkpoint(newer); });
  EXPECT_EQ(error.code(), ExitCode::bad_input);
  if (std::string(GetParam()) != "MANIFEST.json") {
    EXPECT_TRUE(contains(error.what(), GetParam()));
  }
  EXPECT_EQ(open_checkpoint(folder.path()).state.step, 1U);
}

TEST_P(EveryFile, AMissingOneIsNoticed) {
  const TemporaryFolder folder;
  const fs::path written = write_checkpoint(folder.path(), contents_at(2));

  fs::remove(written / GetParam());

  const Error error = error_of([&] { verify_checkpoint(written); });
  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.what(), GetParam()));
  EXPECT_FALSE(newest_checkpoint(folder.path()));
}

TEST_P(EveryFile, ATruncatedOneIsNoticed) {
  const TemporaryFolder folder;
  const fs::path written = write_checkpoint(folder.path(), contents_at(2));

  fs::resize_file(written / GetParam(), fs::file_size(written / GetParam()) / 2);

  EXPECT_EQ(error_of([&] { verify_checkpoint(written); }).code(), ExitCode::bad_input);
}

INSTANTIATE_TEST_SUITE_P(Checkpoint, EveryFile,
                         testing::Values("model.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json",
                                         "config.ini", "MANIFEST.json"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name.substr(0, name.find('.'));
                         });

TEST(Checkpoint, IsNotWrittenOverAValidOne) {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), contents_at(4));

  EXPECT_EQ(error_of([&] { write_checkpoint(folder.path(), contents_at(4)); }).code(), ExitCode::usage);
}

TEST(Checkpoint, SetsADamagedOneOfTheSameStepAside) {
  const TemporaryFolder folder;
  test::damage(write_checkpoint(folder.path(), contents_at(4)) / "model.safetensors");

  write_checkpoint(folder.path(), contents_at(4));

  EXPECT_EQ(open_checkpoint(folder.path()).state.step, 4U);
  EXPECT_TRUE(fs::exists(folder / "damaged-step-000000004"));
}

TEST(Checkpoint, SaysWhatIsWrongWithThePlaceItIsLookedForIn) {
  const TemporaryFolder folder;
  test::write_text(folder / "file", "x");
  fs::create_directory(folder / "empty");

  EXPECT_EQ(error_of([&] { open_checkpoint(folder / "nowhere"); }).code(), ExitCode::file_system);
  EXPECT_EQ(error_of([&] { open_checkpoint(folder / "file"); }).code(), ExitCode::bad_input);
  EXPECT_EQ(error_of([&] { open_checkpoint(folder / "empty"); }).code(), ExitCode::bad_input);
}

TEST(Checkpoint, PassesOverAHalfWrittenHiddenSibling) {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), contents_at(1));
  fs::create_directory(folder / ".step-000000002.tmp-00000000-1-0");

  EXPECT_EQ(open_checkpoint(folder.path()).state.step, 1U);
}

/// Puts something in the place of a file of a checkpoint that nobody can read a file from.
using Obstruct = void (*)(const fs::path&);

struct Obstruction {
  const char* name;
  Obstruct put;
};

class InPlaceOfAFile : public testing::TestWithParam<std::tuple<const char*, Obstruction>> {
 protected:
  fs::path obstructed() const {
    const fs::path newest = write_checkpoint(folder_.path(), contents_at(2));
    const fs::path file = newest / std::get<0>(GetParam());
    fs::remove(file);
    std::get<1>(GetParam()).put(file);
    return newest;
  }

  TemporaryFolder folder_;
};

TEST_P(InPlaceOfAFile, SomethingElseIsPassedOverForTheOlderCheckpointWithTheReason) {
  write_checkpoint(folder_.path(), contents_at(1));
  const fs::path newest = obstructed();

  testing::internal::CaptureStderr();
  const auto found = newest_checkpoint(folder_.path());
  const std::string said = testing::internal::GetCapturedStderr();

  ASSERT_TRUE(found);
  EXPECT_EQ(found->state.step, 1U);
  EXPECT_TRUE(contains(said, (newest / std::get<0>(GetParam())).string()));
  EXPECT_TRUE(contains(said, "regular file"));
}

TEST_P(InPlaceOfAFile, SomethingElseIsDamageWhereItIsTheOnlyCheckpoint) {
  const fs::path newest = obstructed();

  EXPECT_FALSE(newest_checkpoint(folder_.path()));
  EXPECT_EQ(error_of([&] { open_checkpoint(newest); }).code(), ExitCode::bad_input);
}

INSTANTIATE_TEST_SUITE_P(
    Checkpoint, InPlaceOfAFile,
    testing::Combine(
        testing::Values("MANIFEST.json", "state.json", "config.ini", "model.safetensors"),
        testing::Values(Obstruction{"folder", [](const fs::path& file) { fs::create_directory(file); }},
                        Obstruction{"pipe", [](const fs::path& file) { ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0); }},
                        Obstruction{"device", [](const fs::path& file) { fs::create_symlink("/dev/zero", file); }})),
    [](const auto& info) {
      const std::string file = std::get<0>(info.param);
      return file.substr(0, file.find('.')) + "_" + std::get<1>(info.param).name;
    });

/// A checkpoint whose manifest gives an input/output error when read, as on a bad sector.
fs::path write_with_a_bad_sector(const fs::path& folder, std::uint64_t step) {
  fs::path written = write_checkpoint(folder, contents_at(step));
  fs::remove(written / "MANIFEST.json");
  fs::create_symlink("/proc/self/mem", written / "MANIFEST.json");  // nothing can be read at its beginning
  return written;
}

TEST(Checkpoint, IsPassedOverForAnOlderOneWhenItCannotBeRead) {
  const TemporaryFolder folder;
  write_checkpoint(folder.path(), contents_at(1));
  const fs::path newest = write_with_a_bad_sector(folder.path(), 2);

  testing::internal::CaptureStderr();
  const auto found = newest_checkpoint(folder.path());
  const std::string said = testing::internal::GetCapturedStderr();

  ASSERT_TRUE(found);
  EXPECT_EQ(found->state.step, 1U);
  EXPECT_TRUE(contains(said, (newest / "MANIFEST.json").string()));
  EXPECT_TRUE(contains(said, "Input/output error"));
}

TEST(Checkpoint, ThatCannotBeReadIsNotTakenForNoneWhereNoneIsWhole) {
  const TemporaryFolder folder;
  test::damage(write_checkpoint(folder.path(), contents_at(1)) / "state.json");
  write_with_a_bad_sector(folder.path(), 2);

  const Error error = error_of([&] { newest_checkpoint(folder.path()); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.what(), "step-000000002"));
}

TEST(Checkpoint, OfAnotherStepThanItsFolderSaysIsDamaged) {
  const TemporaryFolder folder;
  const fs::path written = write_checkpoint(folder.path(), contents_at(4));
  fs::rename(written, folder / "step-000000005");

  const Error error = error_of([&] { open_checkpoint(folder / "step-000000005"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.what(), "state.json"));
  EXPECT_TRUE(contains(error.message(), "expected state.step = 5, as the folder is named, found 4"));
}

TEST(Checkpoint, InAFolderOfAnotherNameMayHaveAnyStep) {
  const TemporaryFolder folder;
  fs::rename(write_checkpoint(folder.path(), contents_at(4)), folder / "best");

  EXPECT_EQ(open_checkpoint(folder / "best").state.step, 4U);
}

TEST(Checkpoint, IsRefusedWithoutBuildingANetworkLargerThanItsWeights) {
  const TemporaryFolder folder;
  CheckpointContents contents = contents_at(1);
  flow::UNetSettings wide = test::tiny_unet();
  wide.channels = 4096;
  wide.channel_mult = {64, 64};  // the first residual block alone: 5 TB
  contents.model.network.options = std::make_shared<flow::UNetSettings>(wide);
  const CheckpointInfo info = open_checkpoint(write_checkpoint(folder.path(), contents));

  const Error error = error_of([&] { load_network(info, WeightSet::ema); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.place(), "ema.safetensors"));
  EXPECT_TRUE(contains(error.message(), "of another shape"));
}

TEST(Checkpoint, WithSettingsThatDoNotFitTogetherIsBadInput) {
  const TemporaryFolder folder;
  CheckpointContents contents = contents_at(1);
  flow::UNetSettings odd = test::tiny_unet();
  odd.channels = 33;
  contents.model.network.options = std::make_shared<flow::UNetSettings>(odd);
  const fs::path written = write_checkpoint(folder.path(), contents);

  const Error error = error_of([&] { open_checkpoint(written); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.what(), "state.json"));
  EXPECT_TRUE(contains(error.message(), "model.network.channels"));
}

}  // namespace
}  // namespace pathline
