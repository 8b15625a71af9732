#include "trainer/log/append_file.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "core/durable_file.h"
#include "tests/core/faulty_system.h"
#include "tests/core/temporary_folder.h"
#include "trainer/log/metrics.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::error_under;
using test::FaultySystem;
using test::for_every_fault;
using test::TemporaryFolder;

/// Takes half of a record, then has no room for more.
class FullDisk : public System {
 private:
  ssize_t write_once(int fd, const void* data, std::size_t bytes) override {
    if (!full_) {
      full_ = true;
      return ::write(fd, data, bytes / 2);
    }
    errno = ENOSPC;
    return -1;
  }
  bool full_ = false;
};

TEST(AppendFile, GrowsByRecordsAndKeepsWhatWasThere) {
  const TemporaryFolder folder;
  write_file_durably(folder / "log", "before\n");

  AppendFile file(folder / "log");
  file.append("one\n");
  file.append("two\n");

  EXPECT_EQ(read_file(folder / "log"), "before\none\ntwo\n");
}

TEST(AppendFile, TakesBackTheRecordThatDidNotFit) {
  const TemporaryFolder folder;
  AppendFile file(folder / "log");
  file.append("one\n");
  FullDisk disk;

  const auto error = error_under(disk, [&] { file.append("record two\n"); });

  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ExitCode::file_system);
  EXPECT_TRUE(test::contains(error->what(), "No space left"));
  EXPECT_EQ(read_file(folder / "log"), "one\n");
  file.append("two\n");
  EXPECT_EQ(read_file(folder / "log"), "one\ntwo\n");
}

TEST(AppendFile, NeverCutsOffWhatAnotherProcessHasAppended) {
  const TemporaryFolder folder;
  AppendFile file(folder / "log");
  /// Takes half of a record; somebody else appends; then there is no room for more.
  class SharedFullDisk : public System {
   public:
    explicit SharedFullDisk(fs::path log) : log_(std::move(log)) {}

   private:
    ssize_t write_once(int fd, const void* data, std::size_t bytes) override {
      if (full_) {
        errno = ENOSPC;
        return -1;
      }
      full_ = true;
      const ssize_t written = ::write(fd, data, bytes / 2);
      const FileDescriptor other(::open(log_.c_str(), O_WRONLY | O_APPEND));
      EXPECT_EQ(::write(other.get(), "theirs\n", 7), 7);
      return written;
    }
    fs::path log_;
    bool full_ = false;
  } disk(folder / "log");

  ASSERT_TRUE(error_under(disk, [&] { file.append("ours\n"); }));

  EXPECT_TRUE(test::contains(read_file(folder / "log"), "theirs\n"));
}

TEST(AppendFile, AfterEveryFaultEachRecordIsWholeOrAbsent) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;

    const auto error = error_under(system, [&] {
      AppendFile file(folder / "log");
      file.append("one\n");
      file.append("two\n");
    });

    test::expect_documented(error, system);
    const std::string found = fs::exists(folder / "log") ? read_file(folder / "log") : "";
    EXPECT_TRUE(found == "one\ntwo\n" || (error && (found.empty() || found == "one\n"))) << found;
  });
}

TEST(MetricsFile, AfterEveryFaultAtItsStartTheEarlierRecordsExist) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;
    const std::string records = "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n";
    write_file_durably(folder / "metrics.jsonl", records + "{\"st");

    const auto error = error_under(system, [&] { const MetricsFile file(folder.path(), 3); });

    test::expect_documented(error, system);
    const std::string found = read_file(folder / "metrics.jsonl");
    EXPECT_TRUE(found == records || (error && found == records + "{\"st")) << found;
    EXPECT_EQ(folder.names(), std::vector<std::string>{"metrics.jsonl"});
  });
}

TEST(MetricsFile, AfterEveryFaultAtANewStartTheRecordsOfTheEarlierRunExist) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;
    write_file_durably(folder / "metrics.jsonl", "{\"step\":1}\n");

    const auto error = error_under(system, [&] { const MetricsFile file(folder.path(), 0); });

    test::expect_documented(error, system);
    const bool aside = fs::exists(folder / "metrics.1.jsonl");
    EXPECT_TRUE(aside || error);
    EXPECT_EQ(read_file(folder / (aside ? "metrics.1.jsonl" : "metrics.jsonl")), "{\"step\":1}\n");
  });
}

}  // namespace
}  // namespace pathline
