#include "core/writable_folder.h"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/core/expect_error.h"
#include "tests/core/file_size_limit.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;
using test::FileSizeLimit;
using test::TemporaryFolder;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(RequireWritable, LeavesNothingBehind) {
  const TemporaryFolder folder;

  require_writable(folder.path());
  require_writable(folder / "missing/below/missing");

  EXPECT_TRUE(folder.names().empty());
}

TEST(RequireWritable, TriesTheFolderItselfWhereItExists) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "full");
  const FileSizeLimit full(0);

  const Error error = error_of([&] { require_writable(folder / "full"); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.place(), (folder / "full").string()));
  EXPECT_TRUE(fs::is_empty(folder / "full"));
}

TEST(RequireWritable, TriesTheNearestFolderAboveAMissingOne) {
  const TemporaryFolder folder;
  const FileSizeLimit full(0);

  const Error error = error_of([&] { require_writable(folder / "missing/below"); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(folder.names().empty());
}

TEST(RequireWritable, RefusesAPathThroughAFile) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";

  for (const char* path : {"file", "file/below", "file/below/it"}) {
    EXPECT_EQ(error_of([&] { require_writable(folder / path); }).code(), ExitCode::file_system) << path;
  }
}

TEST(RequireAppendable, LeavesTheFileAsItIsAndMakesNone) {
  const TemporaryFolder folder;
  std::ofstream(folder / "log") << "lines";

  require_appendable(folder / "log");
  require_appendable(folder / "missing");

  EXPECT_EQ(text_of(folder / "log"), "lines");
  EXPECT_EQ(folder.names().size(), 1U);
}

TEST(RequireAppendable, RefusesWhatCannotBeAppendedTo) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "folder");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);

  for (const char* name : {"folder", "pipe"}) {
    EXPECT_EQ(error_of([&] { require_appendable(folder / name); }).code(), ExitCode::bad_input) << name;
  }
}

}  // namespace
}  // namespace pathline
