// Writing and pruning checkpoints with each call to the system failing in turn: what was whole stays whole, what is new
// is whole or absent, nothing is left behind that no warning names, and the same can be done again.

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/error.h"
#include "tests/core/faulty_system.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/retention.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_under;
using test::FaultySystem;
using test::for_every_fault;
using test::TemporaryFolder;

/// Few tensors: each is a write of its own.
CheckpointContents small_contents(std::uint64_t step) {
  CheckpointContents contents = test::contents_at(step);
  contents.weights = contents.ema = {{"w", torch::full({3}, static_cast<float>(step))}};
  contents.optimizer = {{"exp_avg.w", torch::ones({3})}};
  return contents;
}

std::vector<std::string> sorted_names(const TemporaryFolder& folder) {
  std::vector<std::string> names = folder.names();
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

TEST(CheckpointFaults, EachWhileWritingLeavesTheOlderOneAndNothingElse) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;
    write_checkpoint(folder.path(), small_contents(1));

    const auto error = error_under(system, [&] { write_checkpoint(folder.path(), small_contents(2)); });

    test::expect_documented(error, system);
    EXPECT_EQ(sorted_names(folder), error ? Names{"step-000000001"} : (Names{"step-000000001", "step-000000002"}));
    EXPECT_NO_THROW(verify_checkpoint(folder / "step-000000001"));
    if (error) write_checkpoint(folder.path(), small_contents(2));
    EXPECT_NO_THROW(verify_checkpoint(folder / "step-000000002"));
  });
}

TEST(CheckpointFaults, EachWhileReplacingADamagedOneKeepsItUnderOneOfItsNames) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;
    test::damage(write_checkpoint(folder.path(), small_contents(1)) / "model.safetensors");

    const auto error = error_under(system, [&] { write_checkpoint(folder.path(), small_contents(1)); });

    // What cannot be read is set aside like what is damaged.
    const test::Call failed = system.failed();
    const bool looked = failed == test::Call::open || failed == test::Call::read || failed == test::Call::pread;
    if (error || !looked) test::expect_documented(error, system);
    if (error) {
      const Names names = folder.names();
      EXPECT_TRUE(names == Names{"step-000000001"} || names == Names{"damaged-step-000000001"});
      write_checkpoint(folder.path(), small_contents(1));
    }
    EXPECT_NO_THROW(verify_checkpoint(folder / "step-000000001"));
    EXPECT_EQ(sorted_names(folder), (Names{"damaged-step-000000001", "step-000000001"}));
  });
}

TEST(CheckpointFaults, WhatALostDeviceLeavesIsWholeOrNamed) {
  for_every_fault(
      [](FaultySystem& system) {
        const TemporaryFolder folder;
        write_checkpoint(folder.path(), small_contents(1));

        testing::internal::CaptureStderr();
        const auto error = error_under(system, [&] { write_checkpoint(folder.path(), small_contents(2)); });
        const std::string said = testing::internal::GetCapturedStderr();

        test::expect_documented(error, system);
        for (const std::string& name : folder.names()) {
          if (name.rfind("step-", 0) == 0) {
            EXPECT_NO_THROW(verify_checkpoint(folder / name));
          } else {
            EXPECT_TRUE(contains(said, name));
          }
        }
      },
      /*lasting=*/true);
}

/// Removes all but the newest, step 3.
void keep_one(const fs::path& folder) {
  CheckpointRetention(folder, 1).apply(folder / "step-000000003");
}

/// keep_one(); warnings go into `said`.
void prune(const fs::path& folder, System& system, std::string& said) {
  testing::internal::CaptureStderr();
  const auto error = error_under(system, [&] { keep_one(folder); });
  said = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(error.has_value()) << error->what();
}

void expect_pruned_or_named(FaultySystem& system) {
  const TemporaryFolder folder;
  for (const std::uint64_t step : {1, 2, 3}) write_checkpoint(folder.path(), small_contents(step));
  std::string said;

  prune(folder.path(), system, said);

  EXPECT_NO_THROW(verify_checkpoint(folder / "step-000000003"));
  for (const std::string& name : folder.names()) {
    if (name == "step-000000003") continue;
    EXPECT_FALSE(system.harmless());
    EXPECT_TRUE(contains(said, name));
    // Under its own name it is whole.
    if (name.rfind("step-", 0) == 0) {
      EXPECT_NO_THROW(verify_checkpoint(folder / name));
    }
  }
  keep_one(folder.path());
  EXPECT_EQ(folder.names(), Names{"step-000000003"});
}

TEST(CheckpointFaults, EachWhilePruningIsAWarningThatNamesWhatStays) {
  for_every_fault(expect_pruned_or_named);
}

TEST(CheckpointFaults, ALostDeviceWhilePruningIsAWarningThatNamesWhatStays) {
  for_every_fault(expect_pruned_or_named, /*lasting=*/true);
}

}  // namespace
}  // namespace pathline
