#include "trainer/checkpoint/retention.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/core/temporary_folder.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/checkpoint/checkpoint.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contents_at;
using test::TemporaryFolder;
using Names = std::vector<std::string>;

fs::path write(const TemporaryFolder& folder, std::uint64_t step) {
  return write_checkpoint(folder.path(), contents_at(step));
}

Names sorted_names(const TemporaryFolder& folder) {
  Names names = folder.names();
  std::sort(names.begin(), names.end());
  return names;
}

TEST(CheckpointRetention, KeepsTheNewest) {
  const TemporaryFolder folder;
  for (const std::uint64_t step : {1U, 2U, 3U}) write(folder, step);
  test::write_text(folder / "notes.txt", "mine");
  fs::create_directory(folder / ".removed-step-000000000");

  CheckpointRetention(folder.path(), 2).apply(write(folder, 10));

  EXPECT_EQ(sorted_names(folder), (Names{"notes.txt", "step-000000003", "step-000000010"}));
}

TEST(CheckpointRetention, NeverRemovesTheOneJustWrittenForDamagedOnesOfLaterSteps) {
  const TemporaryFolder folder;
  for (const std::uint64_t step : {10U, 20U}) test::damage(write(folder, step) / "model.safetensors");
  CheckpointRetention retention(folder.path(), 2);

  for (const std::uint64_t step : {2U, 4U, 6U}) retention.apply(write(folder, step));

  EXPECT_EQ(sorted_names(folder), (Names{"step-000000004", "step-000000006", "step-000000010", "step-000000020"}));
}

TEST(CheckpointRetention, NeverRemovesTheOneJustWrittenForWholeOnesOfLaterSteps) {
  const TemporaryFolder folder;
  for (const std::uint64_t step : {10U, 20U}) write(folder, step);

  CheckpointRetention(folder.path(), 2).apply(write(folder, 2));

  EXPECT_EQ(sorted_names(folder), (Names{"step-000000002", "step-000000010", "step-000000020"}));
}

TEST(CheckpointRetention, DoesNotCountADamagedOneAmongThoseKept) {
  const TemporaryFolder folder;
  write(folder, 1);
  test::damage(write(folder, 2) / "optimizer.safetensors");

  CheckpointRetention(folder.path(), 2).apply(write(folder, 3));

  EXPECT_EQ(sorted_names(folder), (Names{"step-000000001", "step-000000002", "step-000000003"}));
}

TEST(CheckpointRetention, DoesNotCountOneThatLosesAFileLater) {
  const TemporaryFolder folder;
  CheckpointRetention retention(folder.path(), 2);
  for (const std::uint64_t step : {1U, 2U}) retention.apply(write(folder, step));

  fs::remove(folder / "step-000000002/ema.safetensors");
  retention.apply(write(folder, 3));

  EXPECT_EQ(sorted_names(folder), (Names{"step-000000001", "step-000000002", "step-000000003"}));
}

TEST(CheckpointRetention, RemovesADamagedOneWhenEnoughNewerOnesAreWhole) {
  const TemporaryFolder folder;
  test::damage(write(folder, 1) / "model.safetensors");
  CheckpointRetention retention(folder.path(), 2);

  for (const std::uint64_t step : {2U, 3U}) retention.apply(write(folder, step));

  EXPECT_EQ(sorted_names(folder), (Names{"step-000000002", "step-000000003"}));
}

}  // namespace
}  // namespace pathline
