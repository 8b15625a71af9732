#include "core/remove_tree.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "core/durable_file.h"
#include "tests/core/faulty_system.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::Call;
using test::contains;
using test::FaultySystem;
using test::TemporaryFolder;

/// NAME with files, a folder and a link to `outside` in it.
void make_tree(const TemporaryFolder& folder, const std::string& name, const fs::path& outside) {
  fs::create_directories(folder / name / "inner/empty");
  write_file_durably(folder / name / "a", "A");
  write_file_durably(folder / name / "inner/b", "B");
  fs::create_symlink(outside, folder / name / "link");
}

TEST(RemoveTree, RemovesFilesFoldersAndLinksButFollowsNone) {
  const TemporaryFolder folder, elsewhere;
  write_file_durably(elsewhere / "kept", "kept");
  make_tree(folder, "tree", elsewhere.path());

  EXPECT_EQ(remove_tree(folder / "tree"), "");

  EXPECT_TRUE(folder.names().empty());
  EXPECT_EQ(read_file(elsewhere / "kept"), "kept");
}

TEST(RemoveTree, OfALinkRemovesTheLink) {
  const TemporaryFolder folder, elsewhere;
  write_file_durably(elsewhere / "kept", "kept");
  fs::create_symlink(elsewhere.path(), folder / "link");

  EXPECT_EQ(remove_tree(folder / "link"), "");

  EXPECT_TRUE(folder.names().empty());
  EXPECT_EQ(read_file(elsewhere / "kept"), "kept");
}

TEST(RemoveTree, OfNothingIsDone) {
  const TemporaryFolder folder;

  EXPECT_EQ(remove_tree(folder / "none"), "");
  EXPECT_EQ(remove_tree(folder / "none/inner"), "");
}

TEST(RemoveTree, NamesWhatItCouldNotRemoveAndRemovesTheRest) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "tree");
  for (const char* name : {"a", "b", "c"}) write_file_durably(folder / "tree" / name, "x");
  FaultySystem system({2, EIO, Call::unlink});  // 1: of the folder as if it were a file

  std::string failure;
  {
    const SystemOverride override(system);
    failure = remove_tree(folder / "tree");
  }

  EXPECT_TRUE(contains(failure, (folder / "tree/").string()));
  EXPECT_TRUE(contains(failure, "Input/output error"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "tree"), fs::directory_iterator()), 1);
}

TEST(RemoveTree, AfterEveryFaultItSaysSoOrIsDoneAndCanBeRepeated) {
  const TemporaryFolder elsewhere;
  test::for_every_fault([&](FaultySystem& system) {
    const TemporaryFolder folder;
    make_tree(folder, "tree", elsewhere.path());

    std::string failure;
    {
      const SystemOverride override(system);
      failure = remove_tree(folder / "tree");
    }

    EXPECT_EQ(failure.empty(), system.harmless());
    EXPECT_EQ(failure.empty(), folder.names().empty());
    EXPECT_EQ(remove_tree(folder / "tree"), "");
    EXPECT_TRUE(folder.names().empty());
  });
}

TEST(RemoveLeftover, NamesInAWarningWhatStays) {
  const TemporaryFolder folder;
  write_file_durably(folder / "rest", "x");
  FaultySystem system({1, EROFS});
  const SystemOverride override(system);

  testing::internal::CaptureStderr();
  remove_leftover(folder / "rest");
  const std::string said = testing::internal::GetCapturedStderr();

  EXPECT_TRUE(contains(said, (folder / "rest").string()));
  EXPECT_TRUE(contains(said, "Read-only"));
}

}  // namespace
}  // namespace pathline
