#include "core/regular_file.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "core/hash.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;
using test::TemporaryFolder;

constexpr std::uint64_t kLimit = 1 << 20;

/// One of each kind that is not a regular file. A call that waits for one of them runs into the limit of the test.
class SpecialFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    fs::create_directory(folder_ / "folder");
    socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder_ / "socket").string();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  template <class Action>
  void expect_each_refused(Action&& action) {
    const std::pair<fs::path, const char*> kinds[] = {{folder_ / "fifo", "found a FIFO"},
                                                      {folder_ / "folder", "found a folder"},
                                                      {folder_ / "socket", "found a socket"},
                                                      {"/dev/null", "found a character device"}};
    for (const auto& [path, found] : kinds) {
      const Error error = error_of([&, &path = path] { action(path); });
      EXPECT_EQ(error.code(), ExitCode::bad_input) << path;
      EXPECT_TRUE(contains(error.message(), found)) << path;
      EXPECT_EQ(error.place(), path.string());
    }
  }

  TemporaryFolder folder_;
  FileDescriptor socket_;
};

TEST_F(SpecialFiles, AreRefusedByNameWhenOpenedToRead) {
  expect_each_refused([](const fs::path& path) { open_regular_file(path); });
}

TEST_F(SpecialFiles, AreRefusedByNameWhenOpenedToAppend) {
  expect_each_refused([](const fs::path& path) { open_regular_file_to_append(path); });
}

TEST_F(SpecialFiles, AreRefusedByWhoeverReadsOrHashesAFile) {
  expect_each_refused([](const fs::path& path) { read_file(path); });
  expect_each_refused([](const fs::path& path) { sha256_file(path); });
}

TEST_F(SpecialFiles, AFifoWithAWriterIsRefusedAsWell) {
  // Given someone who writes into it: then opening it would not wait, but its bytes are no file's.
  const FileDescriptor both_ends(::open((folder_ / "fifo").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::write(both_ends.get(), "x", 1), 1);

  EXPECT_EQ(error_of([&] { read_file(folder_ / "fifo"); }).code(), ExitCode::bad_input);
  EXPECT_EQ(error_of([&] { open_regular_file_to_append(folder_ / "fifo"); }).code(), ExitCode::bad_input);
}

TEST_F(SpecialFiles, ANamedFifoIsNoInputEither) {
  const Error error = error_of([&] { read_input(folder_ / "fifo", kLimit); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "found a FIFO"));
}

TEST(OpenInput, WaitsForWhatAShellPipesIn) {
  // Given the reading end of a pipe, as in `program <(command)`, whose writer takes its time.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const FileDescriptor reading(ends[0]);
  std::thread writer([end = ends[1]] {
    const FileDescriptor writing(end);
    ::usleep(50'000);
    EXPECT_EQ(::write(writing.get(), "[train]\n", 8), 8);
    ::usleep(50'000);
    EXPECT_EQ(::write(writing.get(), "steps = 3\n", 10), 10);
  });

  const std::string text = read_input("/dev/fd/" + std::to_string(reading.get()), kLimit);
  writer.join();

  EXPECT_EQ(text, "[train]\nsteps = 3\n");
}

TEST(OpenInput, TakesDevNullForAnEmptyFile) {
  EXPECT_EQ(read_input("/dev/null", kLimit), "");
}

TEST(OpenInput, StopsAtTheLimit) {
  const Error error = error_of([] { read_input("/dev/zero", kLimit); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "larger than the 1048576 bytes"));
}

TEST(OpenRegularFile, FollowsLinksAndKnowsTheSize) {
  const TemporaryFolder folder;
  write_file_durably(folder / "file", "seven b");
  fs::create_symlink("file", folder / "link");

  EXPECT_EQ(open_regular_file(folder / "link").bytes, 7U);
}

TEST(OpenRegularFile, WhatIsNotThereIsAnErrorOfTheFileSystem) {
  const TemporaryFolder folder;

  const Error error = error_of([&] { open_regular_file(folder / "none", "the shard"); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.message(), "cannot open the shard: No such file"));
}

TEST(OpenRegularFileToAppend, MakesTheFileAndWritesAtItsEnd) {
  const TemporaryFolder folder;
  for (const char* line : {"one\n", "two\n"}) {
    const FileDescriptor file = open_regular_file_to_append(folder / "log");
    ASSERT_EQ(::write(file.get(), line, 4), 4);
  }

  EXPECT_EQ(read_file(folder / "log"), "one\ntwo\n");
}

}  // namespace
}  // namespace pathline
