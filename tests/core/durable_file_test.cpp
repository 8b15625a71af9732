#include "core/durable_file.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

/// A file system of 64 KiB at `path`, where the system lets us mount one.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path path) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool mounted_ = false;
};

/// How long `action` takes here, in microseconds: disks differ a thousandfold.
template <class Action>
unsigned duration_of(Action&& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return static_cast<unsigned>((std::chrono::steady_clock::now() - start) / std::chrono::microseconds(1));
}

/// Runs `action` in a child process, then kills it without warning at a random moment before `longest` microseconds.
template <class Action>
void kill_at_random_moment(std::mt19937& random, unsigned longest, Action&& action) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    action();
    ::_exit(0);
  }
  std::this_thread::sleep_for(std::chrono::microseconds(random() % longest));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended before it was killed";
}

// Writing -----------------------------------------------------------------------------------------

TEST(DurableFile, WritesWhatItWasGiven) {
  const TemporaryFolder folder;
  DurableFile file(folder / "data");

  file.write("abc");
  file.write("def");
  file.write(nullptr, 0);
  file.commit();

  EXPECT_EQ(file.bytes_written(), 6u);
  EXPECT_EQ(read_file(folder / "data"), "abcdef");
}

TEST(DurableFile, OverwritesAHeaderWrittenBefore) {
  const TemporaryFolder folder;
  DurableFile file(folder / "data");

  file.write("????body");
  file.write_at(0, "head", 4);
  file.write("tail");
  file.commit();

  EXPECT_EQ(read_file(folder / "data"), "headbodytail");
}

TEST(DurableFile, RefusesToOverwriteBeyondTheEnd) {
  const TemporaryFolder folder;
  DurableFile file(folder / "data");
  file.write("abc");

  EXPECT_THROW(file.write_at(2, "xy", 2), std::logic_error);
  EXPECT_THROW(file.write_at(~std::uint64_t{0}, "xy", 2), std::logic_error);
}

TEST(DurableFile, ShowsTheOldContentsUntilCommit) {
  const TemporaryFolder folder;
  write_file_durably(folder / "data", "old");
  DurableFile file(folder / "data");

  file.write("new");
  const std::string before = read_file(folder / "data");
  file.commit();

  EXPECT_EQ(before, "old");
  EXPECT_EQ(read_file(folder / "data"), "new");
}

TEST(DurableFile, LeavesNothingBehindWithoutCommit) {
  const TemporaryFolder folder;
  {
    DurableFile file(folder / "data");
    file.write("abc");
  }

  EXPECT_TRUE(folder.names().empty());
}

TEST(DurableFile, LeavesOnlyTheTargetAfterCommit) {
  const TemporaryFolder folder;

  write_file_durably(folder / "data", "abc");

  EXPECT_EQ(folder.names(), std::vector<std::string>{"data"});
}

TEST(DurableFile, TemporaryIsHiddenBesideTheTarget) {
  const TemporaryFolder folder;
  const DurableFile file(folder / "data");

  EXPECT_EQ(file.temporary_path().parent_path(), folder.path());
  EXPECT_EQ(file.temporary_path().filename().string().rfind(".data.tmp-", 0), 0u);
}

TEST(DurableFile, ObeysTheUmaskLikeAnyFile) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(027);

  write_file_durably(folder / "data", "abc");
  ::umask(before);

  EXPECT_EQ(fs::status(folder / "data").permissions(), static_cast<fs::perms>(0640));
}

TEST(DurableFile, KeepsThePermissionsOfTheFileItReplaces) {
  const TemporaryFolder folder;
  for (const int mode : {0600, 0400, 0640, 0755, 0666}) {
    write_file_durably(folder / "data", "old");
    fs::permissions(folder / "data", static_cast<fs::perms>(mode));

    write_file_durably(folder / "data", "new");

    EXPECT_EQ(fs::status(folder / "data").permissions(), static_cast<fs::perms>(mode));
    EXPECT_EQ(read_file(folder / "data"), "new");
  }
}

TEST(DurableFile, APrivateFileIsPrivateWhileItIsReplaced) {
  const TemporaryFolder folder;
  write_file_durably(folder / "data", "old");
  fs::permissions(folder / "data", fs::perms::owner_read | fs::perms::owner_write);

  const DurableFile file(folder / "data");

  EXPECT_EQ(fs::status(file.temporary_path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(DurableFile, TwoWritersOfOneTargetDoNotMix) {
  const TemporaryFolder folder;
  DurableFile first(folder / "data"), second(folder / "data");

  first.write("first");
  second.write("second");
  first.commit();
  second.commit();

  EXPECT_EQ(read_file(folder / "data"), "second");
}

TEST(DurableFile, CommitsOnce) {
  const TemporaryFolder folder;
  DurableFile file(folder / "data");
  file.commit();

  EXPECT_THROW(file.commit(), std::logic_error);
  EXPECT_THROW(file.write("x"), std::logic_error);
}

TEST(DurableFile, ReplacesTheFileBehindALink) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  write_file_durably(folder / "real/data", "old");
  fs::create_symlink("real/data", folder / "link");

  write_file_durably(folder / "link", "new");

  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "real/data"), "new");
}

TEST(DurableFile, AcceptsNamesNearTheLimitOfTheFileSystem) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');

  write_file_durably(folder / name, "abc");

  EXPECT_EQ(read_file(folder / name), "abc");
}

TEST(DurableFile, WritesIntoTheCurrentFolder) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());

  write_file_durably("bare-name", "abc");
  fs::current_path(before);

  EXPECT_EQ(read_file(folder / "bare-name"), "abc");
}

// Failing -----------------------------------------------------------------------------------------

TEST(DurableFile, FileTooLargeKeepsTheOldOne) {
  const TemporaryFolder folder;
  write_file_durably(folder / "data", "old");

  const Error error = error_of([&] {
    const FileSizeLimit limit(100'000);
    write_file_durably(folder / "data", std::string(150'000, 'x'));  // a short write, then EFBIG
  });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.what(), "File too large"));
  EXPECT_TRUE(contains(error.place(), "data"));
  EXPECT_FALSE(error.hint().empty());
  EXPECT_EQ(read_file(folder / "data"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"data"});
}

TEST(DurableFile, CannotBeCommittedAfterAFailedWrite) {
  const TemporaryFolder folder;
  DurableFile file(folder / "data");
  {
    const FileSizeLimit limit(10);
    EXPECT_THROW(file.write("more than ten bytes"), Error);
  }

  EXPECT_THROW(file.commit(), std::logic_error);
  EXPECT_FALSE(fs::exists(folder / "data"));
}

TEST(DurableFile, FullDiskKeepsTheOldFile) {
  const TemporaryFolder folder;
  const SmallDisk disk(folder / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a small tmpfs: " << std::strerror(errno);
  write_file_durably(disk.path() / "data", "old");

  const Error error = error_of([&] { write_file_durably(disk.path() / "data", std::string(1 << 20, 'x')); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.what(), "No space left"));
  EXPECT_TRUE(contains(error.hint(), "free some space"));
  EXPECT_EQ(read_file(disk.path() / "data"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(disk.path()), fs::directory_iterator()), 1);
}

TEST(DurableFile, MissingFolderIsNamed) {
  const TemporaryFolder folder;

  const Error error = error_of([&] { DurableFile file(folder / "none/data"); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.place(), "none/data"));
  EXPECT_TRUE(contains(error.hint(), "folder must exist"));
}

TEST(DurableFile, PathThroughAFileIsExplained) {
  const TemporaryFolder folder;
  write_file_durably(folder / "file", "x");

  const Error error = error_of([&] { DurableFile file(folder / "file/data"); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.hint(), "not a folder"));
}

TEST(DurableFile, ReadOnlyFolderIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);

  const Error error = error_of([&] { DurableFile file(folder / "data"); });
  fs::permissions(folder.path(), fs::perms::owner_all);

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.hint(), "permissions"));
}

TEST(DurableFile, NeverReplacesFoldersOrDevices) {
  const TemporaryFolder folder;

  EXPECT_EQ(error_of([&] { DurableFile file(folder.path()); }).code(), ExitCode::usage);
  EXPECT_EQ(error_of([&] { DurableFile file(folder.path() / ""); }).code(), ExitCode::usage);
  EXPECT_EQ(error_of([&] { DurableFile file("/dev/null"); }).code(), ExitCode::usage);
}

TEST(DurableFile, AKillAtAnyMomentLeavesAWholeFile) {
  const TemporaryFolder folder;
  const fs::path target = folder / "data";
  constexpr std::size_t kPiece = 65536, kPieces = 8;
  const unsigned once = duration_of([&] { write_file_durably(target, std::string(kPiece * kPieces, 'a')); });
  std::mt19937 random(1);

  for (int round = 0; round < 30; ++round) {
    kill_at_random_moment(random, 3 * once + 2000, [&] {
      for (char letter = 'a';; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
        DurableFile file(target);
        for (std::size_t i = 0; i < kPieces; ++i) file.write(std::string(kPiece, letter));
        file.commit();
      }
    });

    const std::string found = read_file(target);
    ASSERT_EQ(found.size(), kPiece * kPieces);
    ASSERT_EQ(found.find_first_not_of(found[0]), std::string::npos);
  }

  remove_stale_temporaries(folder.path());
  EXPECT_EQ(folder.names(), std::vector<std::string>{"data"});
}

// Folders -----------------------------------------------------------------------------------------

TEST(DurableDirectory, AppearsAsAWhole) {
  const TemporaryFolder folder;
  DurableDirectory directory(folder / "step-1");
  write_file_durably(directory.path() / "a", "A");
  fs::create_directory(directory.path() / "inner");
  write_file_durably(directory.path() / "inner/b", "B");

  const bool before = fs::exists(folder / "step-1");
  directory.commit();

  EXPECT_FALSE(before);
  EXPECT_EQ(read_file(folder / "step-1/a"), "A");
  EXPECT_EQ(read_file(folder / "step-1/inner/b"), "B");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"step-1"});
}

TEST(DurableDirectory, VanishesWithoutCommit) {
  const TemporaryFolder folder;
  {
    DurableDirectory directory(folder / "step-1");
    write_file_durably(directory.path() / "a", "A");
  }

  EXPECT_TRUE(folder.names().empty());
}

TEST(DurableDirectory, NeverReplacesWhatIsThere) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "step-1");

  EXPECT_EQ(error_of([&] { DurableDirectory directory(folder / "step-1"); }).code(), ExitCode::usage);
  EXPECT_EQ(error_of([&] { DurableDirectory directory(folder / "step-1/"); }).code(), ExitCode::usage);
}

TEST(DurableDirectory, NeverReplacesWhatAppearedMeanwhile) {
  const TemporaryFolder folder;
  DurableDirectory directory(folder / "step-1");
  fs::create_directory(folder / "step-1");

  EXPECT_EQ(error_of([&] { directory.commit(); }).code(), ExitCode::usage);
}

TEST(DurableDirectory, AKillAtAnyMomentLeavesWholeFoldersOnly) {
  const TemporaryFolder folder;
  const auto make = [&](int round, int i) {
    DurableDirectory directory(folder / ("done-" + std::to_string(round) + "-" + std::to_string(i)));
    for (const char* name : {"a", "b", "c"}) write_file_durably(directory.path() / name, std::string(20000, 'x'));
    directory.commit();
  };
  const unsigned once = duration_of([&] { make(0, 0); });
  std::mt19937 random(2);

  for (int round = 1; round <= 20; ++round) {
    kill_at_random_moment(random, 3 * once + 2000, [&] {
      for (int i = 0;; ++i) make(round, i);
    });
  }

  remove_stale_temporaries(folder.path());
  const std::vector<std::string> names = folder.names();
  EXPECT_GT(names.size(), 1u) << "every child was killed before it finished one";
  for (const std::string& name : names) {
    ASSERT_EQ(name.rfind("done-", 0), 0u) << name;
    for (const char* file : {"a", "b", "c"}) ASSERT_EQ(fs::file_size(folder / name / file), 20000u);
  }
}

// Leftovers ---------------------------------------------------------------------------------------

/// The name a process of this host would have used; `process` replaces its id.
std::string temporary_name_of(const TemporaryFolder& folder, pid_t process, const std::string& name) {
  const DurableFile file(folder / name);
  std::string text = file.temporary_path().filename().string();
  const std::string own = "-" + std::to_string(::getpid()) + "-";
  return text.replace(text.rfind(own), own.size(), "-" + std::to_string(process) + "-");
}

pid_t ended_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  int status = 0;
  ::waitpid(child, &status, 0);
  return child;
}

TEST(StaleTemporaries, OfEndedProcessesAreRemoved) {
  const TemporaryFolder folder;
  const pid_t process = ended_process();
  const std::string file = temporary_name_of(folder, process, "data");
  const std::string directory = temporary_name_of(folder, process, "step-1");
  write_file_durably(folder / file, "half");
  fs::create_directories(folder / directory / "inner");

  remove_stale_temporaries(folder.path());

  EXPECT_TRUE(folder.names().empty());
}

TEST(StaleTemporaries, OfRunningProcessesStay) {
  const TemporaryFolder folder;
  DurableFile file(folder / "data");
  file.write("half");

  remove_stale_temporaries(folder.path());
  file.commit();

  EXPECT_EQ(read_file(folder / "data"), "half");
}

TEST(StaleTemporaries, OfOtherHostsStayForADay) {
  const TemporaryFolder folder;
  const std::string own = temporary_name_of(folder, ended_process(), "data");
  std::string other = own;
  const std::size_t digit = own.rfind(".tmp-") + 5;
  other[digit] = own[digit] == '0' ? '1' : '0';
  std::string old = other;
  old[1] = 'D';
  write_file_durably(folder / other, "half");
  write_file_durably(folder / old, "half");
  fs::last_write_time(folder / old, fs::file_time_type::clock::now() - std::chrono::hours(25));

  remove_stale_temporaries(folder.path());

  EXPECT_EQ(folder.names(), std::vector<std::string>{other});
}

TEST(StaleTemporaries, FilesOfOthersAreNeverTouched) {
  const TemporaryFolder folder;
  const std::vector<std::string> foreign{".data.tmp-",
                                         ".data.tmp-1-2",
                                         "data.tmp-01234567-1-2",
                                         ".data.tmp-0123456-1-2",
                                         ".tmp-01234567-1-2",
                                         ".data.tmp-01234567-",
                                         ".data.tmp-01234567-x-1",
                                         ".data.tmp-01234567-1-2x",
                                         ".data.tmp-ABCDEF01-1-2"};
  for (const std::string& name : foreign) {
    write_file_durably(folder / name, "theirs");
    fs::last_write_time(folder / name, fs::file_time_type::clock::now() - std::chrono::hours(1000));
  }

  remove_stale_temporaries(folder.path());

  EXPECT_EQ(folder.names().size(), foreign.size());
}

TEST(StaleTemporaries, MissingFolderIsNoError) {
  const TemporaryFolder folder;

  EXPECT_NO_THROW(remove_stale_temporaries(folder / "none"));
}

// Reading and folders -----------------------------------------------------------------------------

TEST(ReadFile, ReturnsEveryByte) {
  const TemporaryFolder folder;
  std::string contents(200'000, '\0');
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>(i * 7);
  write_file_durably(folder / "data", contents);

  EXPECT_EQ(read_file(folder / "data"), contents);
  EXPECT_FALSE(read_file("/proc/self/comm").empty());  // a regular file that says it holds 0 bytes
}

TEST(ReadFile, RefusesFilesAboveTheLimit) {
  const TemporaryFolder folder;
  write_file_durably(folder / "data", "12345");

  EXPECT_EQ(read_file(folder / "data", 5), "12345");
  EXPECT_EQ(error_of([&] { read_file(folder / "data", 4); }).code(), ExitCode::bad_input);
  EXPECT_EQ(error_of([&] { read_file("/dev/zero", 1000); }).code(), ExitCode::bad_input);
}

TEST(ReadFile, MissingFileAndFolderAreFileSystemErrors) {
  const TemporaryFolder folder;

  EXPECT_EQ(error_of([&] { read_file(folder / "none"); }).code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error_of([&] { read_file(folder.path()); }).hint(), "folder"));
}

TEST(MakeFolder, MakesAllLevelsAndAcceptsWhatIsThere) {
  const TemporaryFolder folder;

  make_folder(folder / "a/b/c");
  make_folder(folder / "a/b/c");
  make_folder(folder / "d/");

  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  EXPECT_TRUE(fs::is_directory(folder / "d"));
}

TEST(MakeFolder, AFileInTheWayIsAnError) {
  const TemporaryFolder folder;
  write_file_durably(folder / "file", "x");

  EXPECT_EQ(error_of([&] { make_folder(folder / "file"); }).code(), ExitCode::file_system);
  EXPECT_EQ(error_of([&] { make_folder(folder / "file/inner"); }).code(), ExitCode::file_system);
}

}  // namespace
}  // namespace pathline
