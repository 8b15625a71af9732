#include "trainer/output_folders.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/file_size_limit.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;
using test::FileSizeLimit;
using test::TemporaryFolder;

/// A run below `folder`, with options on top.
RunConfig run_in(const TemporaryFolder& folder, const std::vector<std::string>& options = {}) {
  return resolve_run_config(test::tiny_config(folder.path(), options), 1, 1, 1);
}

TEST(OutputFolders, KeepsAnotherRunOutOfTheSameLogs) {
  const TemporaryFolder folder;
  const OutputFolders first(run_in(folder), 0, false);

  const Error error = error_of([&] {
    OutputFolders(run_in(folder, {"--checkpoint.dir", (folder / "other").string()}), 0, false);
  });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.message(), "log.dir: another process"));
  EXPECT_TRUE(contains(error.place(), (folder / "log").string()));
}

TEST(OutputFolders, KeepsAnotherRunOutOfTheSameCheckpoints) {
  const TemporaryFolder folder;
  const OutputFolders first(run_in(folder), 0, false);

  const Error error = error_of([&] {
    OutputFolders(run_in(folder, {"--log.dir", (folder / "other").string()}), 0, false);
  });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.message(), "checkpoint.dir: another process"));
}

TEST(OutputFolders, MayBeOneFolderForEverything) {
  const TemporaryFolder folder;

  EXPECT_NO_THROW(OutputFolders(run_in(folder, {"--log.dir", (folder / "run/../run/").string()}), 0, false));
}

TEST(OutputFolders, AreFreeAgainAfterTheRun) {
  const TemporaryFolder folder;
  { const OutputFolders first(run_in(folder), 0, false); }

  EXPECT_NO_THROW(OutputFolders(run_in(folder), 0, false));
}

TEST(OutputFolders, AreNeitherMadeNorLockedByADryRun) {
  const TemporaryFolder folder;
  const RunConfig run =
      run_in(folder, {"--log.trace", (folder / "trace").string(), "--log.samples", (folder / "samples/seen").string()});

  const OutputFolders dry(run, 0, true);

  EXPECT_TRUE(folder.names().empty());
}

/// Which setting is at fault where everything but one folder can be written to.
class EachFolder : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(EachFolder, IsTriedBeforeTheRunAndNamed) {
  const auto [setting, below] = GetParam();
  const TemporaryFolder folder;
  test::write_text(folder / "file", "not a folder");
  const RunConfig run = run_in(folder, {std::string("--") + setting, (folder / "file").string() + below});

  for (const bool dry_run : {true, false}) {
    const Error error = error_of([&] { OutputFolders(run, 0, dry_run); });

    EXPECT_EQ(error.code(), ExitCode::file_system);
    EXPECT_TRUE(contains(error.message(), std::string(setting) + ": "));
  }
}

INSTANTIATE_TEST_SUITE_P(OutputFolders, EachFolder,
                         testing::Values(std::pair("checkpoint.dir", "/below"), std::pair("log.dir", ""),
                                         std::pair("log.trace", "/below"), std::pair("log.samples", "/prefix")));

TEST(OutputFolders, AreFoundFullBeforeTheRun) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "run");
  const RunConfig run = run_in(folder);
  const FileSizeLimit full(0);

  for (const bool dry_run : {true, false}) {
    const Error error = error_of([&] { OutputFolders(run, 0, dry_run); });

    EXPECT_EQ(error.code(), ExitCode::file_system);
    EXPECT_TRUE(contains(error.message(), "checkpoint.dir: "));
  }
}

TEST(OutputFolders, OfCheckpointsAndLogsAreTheFirstRanksAffair) {
  const TemporaryFolder folder;

  const OutputFolders of_rank_1(run_in(folder), 1, false);

  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace pathline
