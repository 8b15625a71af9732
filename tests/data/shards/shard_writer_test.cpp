#include "data/shards/shard_writer.h"

#include <cmath>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "core/hash.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

TEST(ShardWriter, CutsShardsAtTheGivenSize) {
  TemporaryFolder folder;

  const DatasetInfo info = write_small_set(folder / "set", 25, 10);

  ASSERT_EQ(info.shards.size(), 3u);
  EXPECT_EQ(info.count, 25u);
  EXPECT_EQ(info.shards[0].count, 10u);
  EXPECT_EQ(info.shards[2].count, 5u);
  EXPECT_EQ(info.shards[2].file, "shard-00002.h5");
}

TEST(ShardWriter, LeavesNoEmptyShardBehindAFullOne) {
  TemporaryFolder folder;

  const DatasetInfo info = write_small_set(folder / "set", 20, 10);

  EXPECT_EQ(info.shards.size(), 2u);
}

TEST(ShardWriter, RecordsSizeAndHashOfEachFile) {
  TemporaryFolder folder;

  const DatasetInfo info = write_small_set(folder / "set", 25, 10);

  for (const auto& shard : info.shards) {
    EXPECT_EQ(shard.bytes, std::filesystem::file_size(folder / "set" / shard.file));
    EXPECT_EQ(shard.sha256, sha256_file(folder / "set" / shard.file));
  }
}

TEST(ShardWriter, SameImagesGiveTheSameBytes) {
  TemporaryFolder folder;

  write_small_set(folder / "a", 25, 10);
  write_small_set(folder / "b", 25, 10);

  for (const char* name : {"index.json", "shard-00000.h5", "shard-00001.h5", "shard-00002.h5"}) {
    EXPECT_EQ(read_bytes(folder / "a" / name), read_bytes(folder / "b" / name)) << name;
  }
}

TEST(ShardWriter, ShowsNothingUntilFinished) {
  TemporaryFolder folder;
  const DatasetInfo info = small_info();
  {
    ShardWriter writer(folder / "set", info, 2);

    for (std::uint64_t id = 0; id < 5; ++id) writer.add(small_sample(info, id).data(), 0);

    EXPECT_FALSE(std::filesystem::exists(folder / "set"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ShardWriter, RefusesAnExistingFolder) {
  TemporaryFolder folder;
  write_small_set(folder / "set", 5, 10);
  const std::string before = read_bytes(folder / "set/index.json");

  expect_error(ExitCode::usage, {"set"}, [&] { write_small_set(folder / "set", 6, 10); });

  EXPECT_EQ(read_bytes(folder / "set/index.json"), before);
}

TEST(ShardWriter, RefusesLabelsWithoutAClass) {
  TemporaryFolder folder;
  const DatasetInfo info = small_info();
  ShardWriter writer(folder / "set", info, 10);
  writer.add(small_sample(info, 0).data(), 2);

  expect_error(ExitCode::bad_input, {"sample 1", "label 3", "0 to 2"},
               [&] { writer.add(small_sample(info, 1).data(), 3); });
  expect_error(ExitCode::bad_input, {"label -1"}, [&] { writer.add(small_sample(info, 1).data(), -1); });
}

TEST(ShardWriter, RefusesNumbersThatAreNotFinite) {
  TemporaryFolder folder;
  const DatasetInfo info = small_info(SampleShape::picture(1, 2, 2), "float32");
  ShardWriter writer(folder / "set", info, 10);
  const float image[4] = {0, 1, std::nanf(""), 3};

  expect_error(ExitCode::bad_input, {"sample 0", "value 2", "not finite"}, [&] { writer.add(image, 0); });
}

TEST(ShardWriter, RefusesToFinishWithoutImages) {
  TemporaryFolder folder;
  ShardWriter writer(folder / "set", small_info(), 10);

  expect_error(ExitCode::bad_input, {"no samples"}, [&] { writer.finish(); });
}

TEST(ShardWriter, RefusesSettingsThatDoNotFitTogether) {
  TemporaryFolder folder;
  const auto with = [&](const std::function<void(DatasetInfo&)>& change, std::uint64_t per_shard = 10) {
    DatasetInfo info = small_info();
    change(info);
    ShardWriter(folder / "set", info, per_shard);
  };

  expect_error(ExitCode::usage, {"height"},
               [&] { with([](DatasetInfo& info) { info.shape = SampleShape::picture(1, 0, 2); }); });
  expect_error(ExitCode::usage, {"shape", "missing"}, [&] { with([](DatasetInfo& info) { info.shape = {}; }); });
  expect_error(ExitCode::usage, {"dtype"}, [&] { with([](DatasetInfo& info) { info.dtype = "int16"; }); });
  expect_error(ExitCode::usage, {"per channel"}, [&] { with([](DatasetInfo& info) { info.mean = {1, 2}; }); });
  expect_error(ExitCode::usage, {"scale"}, [&] { with([](DatasetInfo& info) { info.scale = {-1}; }); });
  expect_error(ExitCode::usage, {"UTF-8"}, [&] { with([](DatasetInfo& info) { info.name = "\xff"; }); });
  expect_error(ExitCode::usage, {"at least one"}, [&] { with([](DatasetInfo&) {}, 0); });
  expect_error(ExitCode::usage, {"in memory"}, [&] { with([](DatasetInfo&) {}, std::uint64_t{1} << 40); });
}

/// Files of this process may not grow beyond `bytes` while this lives; stands for a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &previous_);
    const rlimit limit = {bytes, previous_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &previous_);
    std::signal(SIGXFSZ, previous_handler_);
  }

 private:
  rlimit previous_{};
  void (*previous_handler_)(int) = nullptr;
};

TEST(ShardWriter, LeavesNothingWhenTheDiskIsFull) {
  TemporaryFolder folder;
  {
    const FileSizeLimit limit(5000);

    expect_error(ExitCode::file_system, {"shard-00000.h5"}, [&] { write_small_set(folder / "set", 2000, 1000); });
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace pathline::data
