#include "data/shards/verify_shards.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

std::size_t place_of_image(const std::filesystem::path& path, const DatasetInfo& info, std::uint64_t id) {
  const auto image = small_sample(info, id);
  return read_bytes(path).find(std::string(reinterpret_cast<const char*>(image.data()), image.size()));
}

std::size_t mentions(const ShardReport& report, const std::string& words) {
  std::size_t found = 0;
  for (const std::string& problem : report.problems) found += problem.find(words) != std::string::npos;
  return found;
}

TEST(VerifyShards, FindsNothingInAWholeFolder) {
  TemporaryFolder folder;
  write_small_set(folder / "set", 25, 10);

  const ShardReport report = verify_shards(folder / "set");

  EXPECT_EQ(report.shards, 3u);
  EXPECT_EQ(report.samples, 25u);
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

TEST(VerifyShards, ListsEveryProblem) {
  TemporaryFolder folder;
  const DatasetInfo info = write_small_set(folder / "set", 45, 10, small_info(SampleShape::picture(1, 6, 6)));
  flip(folder / "set/shard-00000.h5", place_of_image(folder / "set/shard-00000.h5", info, 3));
  flip(folder / "set/shard-00000.h5", place_of_image(folder / "set/shard-00000.h5", info, 8));
  std::filesystem::remove(folder / "set/shard-00001.h5");
  std::filesystem::resize_file(folder / "set/shard-00002.h5", 500);
  write_bytes(folder / "set/shard-00003.h5", "something else");

  const ShardReport report = verify_shards(folder / "set");

  EXPECT_EQ(report.problems.size(), 6u);
  EXPECT_EQ(mentions(report, "sample 3 is damaged"), 1u);
  EXPECT_EQ(mentions(report, "sample 8 is damaged"), 1u);
  EXPECT_EQ(mentions(report, "shard-00000.h5: expected SHA-256"), 1u);
  EXPECT_EQ(mentions(report, "shard-00001.h5: this shard is missing"), 1u);
  EXPECT_EQ(mentions(report, "shard-00002.h5: the file is truncated"), 1u);
  EXPECT_EQ(mentions(report, "shard-00003.h5: this is not an HDF5 file"), 1u);
}

TEST(VerifyShards, SeesEveryByte) {
  TemporaryFolder folder;
  write_small_set(folder / "set", 4, 10);
  const auto path = folder / "set/shard-00000.h5";
  const std::size_t size = std::filesystem::file_size(path);
  for (std::size_t at = 0; at < size; at += 7) {
    flip(path, at);

    EXPECT_FALSE(verify_shards(folder / "set").problems.empty()) << "byte " << at;

    flip(path, at);
  }
}

TEST(VerifyShards, TellsALimitOfThisProcessFromDamage) {
  // Given a whole set of more shards than this process may have open.
  TemporaryFolder folder;
  write_small_set(folder / "set", 40, 1);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit few{24, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);

  const ShardReport report = verify_shards(folder / "set");
  ::setrlimit(RLIMIT_NOFILE, &usual);

  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  ASSERT_FALSE(report.unread.empty());
  EXPECT_NE(report.unread.front().find("Too many open files"), std::string::npos) << report.unread.front();
  EXPECT_NE(report.unread_hint.find("24 files open at a time"), std::string::npos) << report.unread_hint;
}

TEST(VerifyShards, ReportsTheSameForAnyNumberOfThreads) {
  TemporaryFolder folder;
  write_small_set(folder / "set", 45, 10, small_info(SampleShape::picture(1, 6, 6)));
  for (int i = 0; i < 4; ++i) {
    const auto path = folder / "set" / ("shard-0000" + std::to_string(i) + ".h5");
    for (std::size_t at = 200; at < std::filesystem::file_size(path); at += 97) flip(path, at);
  }

  const ShardReport one = verify_shards(folder / "set", {}, 1);

  EXPECT_GT(one.problems.size(), 3u);
  for (const int threads : {2, 5, 0}) EXPECT_EQ(verify_shards(folder / "set", {}, threads).problems, one.problems);
}

TEST(VerifyShards, ReportsProgressUpToTheEnd) {
  TemporaryFolder folder;
  write_small_set(folder / "set", 25, 10);
  std::uint64_t last = 0;

  verify_shards(folder / "set", [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, 25u);
    last = done;
  });

  EXPECT_EQ(last, 25u);
}

TEST(VerifyShards, NeedsAnIndex) {
  TemporaryFolder folder;

  expect_error(ExitCode::bad_input, {"index.json"}, [&] { verify_shards(folder.path()); });
}

}  // namespace
}  // namespace pathline::data
