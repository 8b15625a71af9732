#include "core/system.h"

#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_descriptor.h"
#include "tests/core/faulty_system.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::Call;
using test::FaultySystem;
using test::kShortWrite;
using test::TemporaryFolder;

/// Writes `text` under `system` into a new file and returns what the file holds then.
std::string written_under(FaultySystem& system, const std::string& text) {
  const TemporaryFolder folder;
  const FileDescriptor file(::open((folder / "file").c_str(), O_RDWR | O_CREAT, 0600));
  EXPECT_EQ(system.write(file.get(), text.data(), text.size()), text.size());
  std::string found(text.size() + 1, '\0');
  found.resize(static_cast<std::size_t>(::pread(file.get(), found.data(), found.size(), 0)));
  return found;
}

TEST(System, IsTheRealOneByDefault) {
  System& system = System::current();

  EXPECT_EQ(&system, &System::current());
  EXPECT_EQ(dynamic_cast<FaultySystem*>(&system), nullptr);
}

TEST(System, AnOverrideHoldsForItsLifetimeAndNests) {
  System& real = System::current();
  FaultySystem outer_system, inner_system;
  {
    const SystemOverride outer(outer_system);
    EXPECT_EQ(&System::current(), &outer_system);
    {
      const SystemOverride inner(inner_system);
      EXPECT_EQ(&System::current(), &inner_system);
    }
    EXPECT_EQ(&System::current(), &outer_system);
  }
  EXPECT_EQ(&System::current(), &real);
}

TEST(System, AnOverrideReachesThreadsThatRunAlready) {
  const TemporaryFolder folder;
  FaultySystem system;
  constexpr int kThreads = 4, kEach = 50;
  {
    const SystemOverride override(system);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&folder, i] {
        for (int k = 0; k < kEach; ++k) System::current().mkdir(folder / (std::to_string(i) + "-" + std::to_string(k)));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  EXPECT_EQ(system.calls(Call::mkdir), static_cast<std::uint64_t>(kThreads) * kEach);
  EXPECT_EQ(folder.names().size(), std::size_t{kThreads} * kEach);
}

TEST(System, AShortWriteIsContinued) {
  FaultySystem system({1, kShortWrite});

  EXPECT_EQ(written_under(system, "abcdefg"), "abcdefg");
  EXPECT_EQ(system.calls(Call::write), 2u);
}

TEST(System, AnInterruptedWriteIsRepeated) {
  FaultySystem system({1, EINTR});

  EXPECT_EQ(written_under(system, "abcdefg"), "abcdefg");
  EXPECT_EQ(system.calls(Call::write), 2u);
}

TEST(System, AShortWriteAtAnOffsetGoesOnWhereItEnded) {
  const TemporaryFolder folder;
  const FileDescriptor file(::open((folder / "file").c_str(), O_RDWR | O_CREAT, 0600));
  FaultySystem system({1, kShortWrite});

  EXPECT_EQ(system.pwrite(file.get(), "abcd", 4, 3), 4u);

  char found[8] = "";
  EXPECT_EQ(::pread(file.get(), found, sizeof found, 0), 7);
  EXPECT_EQ(std::string(found + 3, 4), "abcd");
}

TEST(System, TellsHowMuchWasWrittenBeforeAFailure) {
  const TemporaryFolder folder;
  const FileDescriptor file(::open((folder / "file").c_str(), O_RDWR | O_CREAT, 0600));
  /// Takes half, then fails.
  class FullDisk : public System {
    ssize_t write_once(int fd, const void* data, std::size_t bytes) override {
      if (bytes == 8) return ::write(fd, data, 4);
      errno = ENOSPC;
      return -1;
    }
  } system;

  EXPECT_EQ(system.write(file.get(), "abcdefgh", 8), 4u);
  EXPECT_EQ(errno, ENOSPC);
}

TEST(System, AWriteThatTakesNothingMeansAFullDisk) {
  class Stubborn : public System {
    ssize_t write_once(int, const void*, std::size_t) override { return 0; }
  } system;

  errno = 0;
  EXPECT_EQ(system.write(1, "abc", 3), 0u);
  EXPECT_EQ(errno, ENOSPC);
}

TEST(System, ACloseThatWasInterruptedHasClosed) {
  FaultySystem system({1, EINTR});
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);

  EXPECT_EQ(system.close(fd), 0);
  EXPECT_EQ(system.calls(), 1u);
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

/// Does what it is asked for, then says that a signal came between: what network file systems do.
class InterruptedAfterwards : public System {
 private:
  int rename_once(const Path& from, const Path& to) override { return interrupted(::rename(from.c_str(), to.c_str())); }
  int mkdir_once(const Path& path, unsigned mode) override { return interrupted(::mkdir(path.c_str(), mode)); }
  int unlink_once(int folder_fd, const Path& path, int flags) override {
    return interrupted(::unlinkat(folder_fd, path.c_str(), flags));
  }
  static int interrupted(int result) {
    if (result != 0) return result;
    errno = EINTR;
    return -1;
  }
};

TEST(System, WhatWasDoneBeforeTheInterruptionIsNoFailure) {
  const TemporaryFolder folder;
  InterruptedAfterwards system;

  EXPECT_EQ(system.mkdir(folder / "a"), 0);
  EXPECT_EQ(system.rename(folder / "a", folder / "b"), 0);
  EXPECT_EQ(folder.names(), std::vector<std::string>{"b"});
  EXPECT_EQ(system.rmdir(folder / "b"), 0);
  EXPECT_TRUE(folder.names().empty());
}

TEST(System, WhatFailsWithoutAnInterruptionFails) {
  const TemporaryFolder folder;
  System& system = System::current();
  ASSERT_EQ(system.mkdir(folder / "a"), 0);

  EXPECT_EQ(system.mkdir(folder / "a"), -1);
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(system.unlink(folder / "none"), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(system.rename(folder / "none", folder / "b"), -1);
  EXPECT_EQ(errno, ENOENT);
}

TEST(System, ClocksGoForward) {
  System& system = System::current();
  const auto wall = system.wall();
  const auto monotonic = system.monotonic();

  EXPECT_LE(monotonic, system.monotonic());
  EXPECT_GT(wall.time_since_epoch(), std::chrono::hours(24 * 365 * 50));  // after 2019
}

}  // namespace
}  // namespace pathline
