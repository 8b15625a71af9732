// core/durable_file.h with each of its calls failing in turn: old or new, whole, a clear error, nothing left behind,
// and the same can be done again.

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/durable_file.h"
#include "core/run_lock.h"
#include "tests/core/faulty_system.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::Call;
using test::contains;
using test::error_under;
using test::FaultySystem;
using test::for_every_fault;
using test::TemporaryFolder;

const std::string kBody(100'000, 'x');

void write_new(const fs::path& target) {
  DurableFile file(target);
  file.write("????");
  file.write(kBody);
  file.write_at(0, "head", 4);
  file.commit();
}

/// What a folder holds beside `expected`.
std::vector<std::string> others(const TemporaryFolder& folder, const std::string& expected) {
  std::vector<std::string> names = folder.names();
  std::erase(names, expected);
  return names;
}

TEST(DurableFileFaults, EachLeavesTheOldFileOrTheNewOneAlone) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;
    write_file_durably(folder / "data", "old");

    const auto error = error_under(system, [&] { write_new(folder / "data"); });

    test::expect_documented(error, system);
    if (error) {
      EXPECT_TRUE(contains(error->place(), folder.path().string()));
    }
    const std::string found = read_file(folder / "data");
    EXPECT_TRUE(found == "head" + kBody || (error && found == "old"));
    EXPECT_TRUE(others(folder, "data").empty());
    write_new(folder / "data");
    EXPECT_EQ(read_file(folder / "data"), "head" + kBody);
  });
}

TEST(DurableFileFaults, EachWhileWritingANewFileLeavesNothing) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;

    const auto error = error_under(system, [&] { write_new(folder / "data"); });

    test::expect_documented(error, system);
    EXPECT_EQ(folder.names(), error ? std::vector<std::string>{} : std::vector<std::string>{"data"});
  });
}

TEST(DurableFileFaults, OnlyTheVeryLastFlushCanFailWithTheNewFileInPlace) {
  const TemporaryFolder folder;
  write_file_durably(folder / "data", "old");
  FaultySystem counting;
  {
    const SystemOverride override(counting);
    write_new(folder / "data");
  }

  for (std::uint64_t number = 1; number <= counting.calls(); ++number) {
    write_file_durably(folder / "data", "old");
    FaultySystem system({number, EIO});
    const auto error = error_under(system, [&] { write_new(folder / "data"); });
    ASSERT_TRUE(error);
    const bool last = number > counting.calls() - 2;  // the folder is opened, then flushed
    EXPECT_EQ(read_file(folder / "data") == "old", !last) << number;
    EXPECT_EQ(error->message().find("the file is in place") != std::string::npos, last) << error->what();
  }
}

TEST(DurableFileFaults, AFailedFlushCannotBeMadeUpForByASecondOne) {
  const TemporaryFolder folder;
  FaultySystem system({1, EIO, Call::fsync});
  const SystemOverride override(system);
  DurableFile file(folder / "data");
  file.write("abc");

  EXPECT_THROW(file.commit(), Error);
  EXPECT_THROW(file.commit(), std::logic_error);
  EXPECT_FALSE(fs::exists(folder / "data"));
}

/// A device that has gone lets nothing be removed either: then what stays is named.
TEST(DurableFileFaults, WhatALostDeviceLeavesIsNamed) {
  for_every_fault(
      [](FaultySystem& system) {
        const TemporaryFolder folder;
        write_file_durably(folder / "data", "old");

        testing::internal::CaptureStderr();
        const auto error = error_under(system, [&] { write_new(folder / "data"); });
        const std::string said = testing::internal::GetCapturedStderr();

        test::expect_documented(error, system);
        const std::string found = read_file(folder / "data");
        EXPECT_TRUE(found == "old" || found == "head" + kBody);
        for (const std::string& name : others(folder, "data")) EXPECT_TRUE(contains(said, name));
      },
      /*lasting=*/true);
}

void write_folder(const fs::path& target) {
  DurableDirectory directory(target);
  write_file_durably(directory.path() / "a", "A");
  make_folder(directory.path() / "inner");
  write_file_durably(directory.path() / "inner/b", "B");
  directory.commit();
}

void expect_whole(const fs::path& target) {
  EXPECT_EQ(read_file(target / "a"), "A");
  EXPECT_EQ(read_file(target / "inner/b"), "B");
}

TEST(DurableDirectoryFaults, EachLeavesNothingAtAll) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;

    const auto error = error_under(system, [&] { write_folder(folder / "step-1"); });

    test::expect_documented(error, system);
    EXPECT_EQ(folder.names(), error ? std::vector<std::string>{} : std::vector<std::string>{"step-1"});
    if (error) write_folder(folder / "step-1");
    expect_whole(folder / "step-1");
  });
}

TEST(DurableDirectoryFaults, WhatALostDeviceLeavesIsWholeOrNamed) {
  for_every_fault(
      [](FaultySystem& system) {
        const TemporaryFolder folder;

        testing::internal::CaptureStderr();
        const auto error = error_under(system, [&] { write_folder(folder / "step-1"); });
        const std::string said = testing::internal::GetCapturedStderr();

        test::expect_documented(error, system);
        if (fs::exists(folder / "step-1")) {
          EXPECT_TRUE(!error || contains(error->message(), "the folder is in place"));
          expect_whole(folder / "step-1");
        }
        for (const std::string& name : others(folder, "step-1")) EXPECT_TRUE(contains(said, name));
      },
      /*lasting=*/true);
}

TEST(MakeFolderFaults, EachIsAnErrorAndTheSameAgainSucceeds) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;

    const auto error = error_under(system, [&] { make_folder(folder / "a/b/c"); });

    test::expect_documented(error, system);
    make_folder(folder / "a/b/c");
    EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  });
}

TEST(ReadFileFaults, EachIsAnErrorOrTheWholeFile) {
  const TemporaryFolder folder;
  write_file_durably(folder / "data", kBody);
  for_every_fault([&](FaultySystem& system) {
    std::string found;

    const auto error = error_under(system, [&] { found = read_file(folder / "data"); });

    test::expect_documented(error, system);
    EXPECT_EQ(found, error ? "" : kBody);
  });
}

TEST(RunLockFaults, EachIsAnErrorAndTheSameAgainSucceeds) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;

    const auto error = error_under(system, [&] { const RunLock lock(folder / "run"); });

    test::expect_documented(error, system);
    const RunLock lock(folder / "run");
  });
}

TEST(StaleTemporaryFaults, ThoseThatCannotBeRemovedAreNamedAndTheOthersGo) {
  const TemporaryFolder folder;
  std::string name;
  {
    const DurableFile file(folder / "data");
    name = file.temporary_path().filename().string();
  }
  const std::size_t mark = name.rfind(".tmp-") + 5;
  name.replace(mark, 8, name.substr(mark, 8) == "00000000" ? "11111111" : "00000000");  // of another host
  std::string second = name;
  second[1] = 'D';
  write_file_durably(folder / name, "half");
  write_file_durably(folder / second, "half");
  FaultySystem system({1, EACCES, Call::unlink});
  system.advance(std::chrono::hours(25));
  const SystemOverride override(system);

  testing::internal::CaptureStderr();
  remove_stale_temporaries(folder.path());
  const std::string said = testing::internal::GetCapturedStderr();

  ASSERT_EQ(folder.names().size(), 1u);
  EXPECT_TRUE(contains(said, folder.names()[0]));
}

}  // namespace
}  // namespace pathline
