#include "data/read/reader.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "data/hdf5/hdf5_handle.h"
#include "tests/data/shards/conditioned_fixture.h"

namespace pathline::data {
namespace {

/// The slow, obvious reader: HDF5 reads whole shards, and the order is written out as a list, epoch after epoch.
class SlowReader {
 public:
  SlowReader(const std::filesystem::path& folder, const DatasetInfo& info, std::uint64_t seed, std::uint64_t epochs) {
    for (const auto& shard : info.shards) {
      Hdf5Handle file{H5Fopen((folder / shard.file).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
      Hdf5Handle images{H5Dopen2(file.get(), "/images", H5P_DEFAULT), H5Dclose},
          labels{H5Dopen2(file.get(), "/labels", H5P_DEFAULT), H5Dclose};
      std::vector<std::byte> bytes(shard.count * info.sample_bytes());
      std::vector<std::int64_t> numbers(shard.count);
      EXPECT_GE(H5Dread(images.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
      EXPECT_GE(H5Dread(labels.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), 0);
      for (std::uint64_t i = 0; i < shard.count; ++i) {
        images_.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(i * info.sample_bytes()),
                             bytes.begin() + static_cast<std::ptrdiff_t>((i + 1) * info.sample_bytes()));
      }
      labels_.insert(labels_.end(), numbers.begin(), numbers.end());
    }
    const SampleOrder order(info.count, seed);
    for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
      for (std::uint64_t i = 0; i < info.count; ++i) ids_.push_back(order.permute(epoch, i));
    }
  }
  const std::vector<std::uint64_t>& ids() const { return ids_; }
  const std::vector<std::byte>& image(std::uint64_t position) const { return images_[ids_.at(position)]; }
  std::int64_t label(std::uint64_t position) const { return labels_[ids_.at(position)]; }

 private:
  std::vector<std::vector<std::byte>> images_;
  std::vector<std::int64_t> labels_;
  std::vector<std::uint64_t> ids_;
};

std::int64_t label_of(const Batch& batch, std::size_t place) {
  std::int64_t label;
  std::memcpy(&label, batch.conditions.at(0).data() + place * sizeof label, sizeof label);
  return label;
}

constexpr std::uint64_t set_size = 103;  // no multiple of any batch below: batches straddle epochs

class ReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    info_ = write_small_set(folder_ / "set", set_size, 40, small_info(SampleShape::picture(3, 4, 5)));
    set_.emplace(ShardSet::open(folder_ / "set"));
  }
  ReaderOptions options(std::uint64_t global, std::uint64_t micro, int rank = 0, int ranks = 1) const {
    ReaderOptions options;
    options.seed = 9;
    options.plan = {global, micro, rank, ranks};
    return options;
  }
  TemporaryFolder folder_;
  DatasetInfo info_;
  std::optional<ShardSet> set_;
};

TEST_F(ReaderTest, DeliversWhatTheSlowReaderDelivers) {
  const SlowReader slow(folder_ / "set", info_, 9, 4);
  Reader reader(*set_, options(16, 8));

  for (std::uint64_t number = 0; number < 40; ++number) {
    const Batch batch = reader.next();

    ASSERT_EQ(batch.number, number / 2);
    ASSERT_EQ(batch.micro_index, number % 2);
    ASSERT_EQ(batch.samples.size(), 8u);
    for (std::uint64_t j = 0; j < 8; ++j) {
      const std::uint64_t position = number * 8 + j;
      ASSERT_EQ(batch.samples[j].position, position);
      ASSERT_EQ(batch.samples[j].epoch, position / set_size);
      ASSERT_EQ(batch.samples[j].id, slow.ids()[position]);
      ASSERT_EQ(label_of(batch, j), slow.label(position));
      ASSERT_EQ(0, std::memcmp(batch.values.data() + j * info_.sample_bytes(), slow.image(position).data(),
                               info_.sample_bytes()));
    }
  }
}

TEST_F(ReaderTest, AnyNumberOfRanksSeesTheSameStream) {
  const SlowReader slow(folder_ / "set", info_, 9, 4);
  for (int ranks = 1; ranks <= 4; ++ranks) {
    std::vector<std::uint64_t> ids(10 * 24, UINT64_MAX);

    for (int rank = 0; rank < ranks; ++rank) {
      const ReaderOptions mine = options(24, 4, rank, ranks);
      Reader reader(*set_, mine);
      for (std::uint64_t number = 0; number < 10 * (mine.plan.last_micro() - mine.plan.first_micro()); ++number) {
        const Batch batch = reader.next();
        for (std::uint64_t j = 0; j < 4; ++j) {
          ASSERT_EQ(batch.samples[j].position, batch.number * 24 + batch.micro_index * 4 + j);
          ASSERT_EQ(ids[batch.samples[j].position], UINT64_MAX) << "delivered twice";
          ids[batch.samples[j].position] = batch.samples[j].id;
        }
      }
    }

    EXPECT_EQ(ids, std::vector<std::uint64_t>(slow.ids().begin(), slow.ids().begin() + 240)) << ranks << " ranks";
  }
}

TEST_F(ReaderTest, ResumingAtABatchEqualsSkippingToIt) {
  for (std::uint64_t number = 0; number < 20; ++number) {
    ReaderOptions resumed = options(16, 8);
    resumed.first_batch = number;
    Reader skipping(*set_, options(16, 8)), resuming(*set_, resumed);
    for (std::uint64_t i = 0; i < 2 * number; ++i) skipping.next();

    const Batch a = skipping.next(), b = resuming.next();

    EXPECT_EQ(b.number, number);
    EXPECT_EQ(a.values, b.values);
    EXPECT_EQ(a.conditions, b.conditions);
    EXPECT_EQ(a.samples.front().position, b.samples.front().position);
  }
}

TEST_F(ReaderTest, DeliversEverySampleOncePerEpoch) {
  Reader reader(*set_, options(16, 16));
  std::map<std::uint64_t, std::map<std::uint64_t, int>> seen;  // epoch -> id -> times

  for (int i = 0; i < 33; ++i) {  // 528 samples: five epochs and a piece of the sixth
    for (const SampleRef& sample : reader.next().samples) ++seen[sample.epoch][sample.id];
  }

  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    EXPECT_EQ(seen[epoch].size(), set_size);
    for (const auto& [id, times] : seen[epoch]) EXPECT_EQ(times, 1) << "epoch " << epoch << " id " << id;
  }
}

TEST_F(ReaderTest, BatchesMayBeLargerThanTheSet) {
  Reader reader(*set_, options(256, 256));

  const Batch batch = reader.next();

  EXPECT_EQ(batch.samples.back().epoch, 2u);
}

TEST_F(ReaderTest, ThreadsAndPrefetchChangeNothing) {
  std::vector<std::byte> first;
  for (const int threads : {1, 2, 5}) {
    for (const int prefetch : {1, 2, 9}) {
      ReaderOptions varied = options(16, 8);
      varied.threads = threads;
      varied.prefetch = prefetch;
      Reader reader(*set_, varied);

      std::vector<std::byte> all;
      for (int i = 0; i < 30; ++i) {
        const Batch batch = reader.next();
        all.insert(all.end(), batch.values.begin(), batch.values.end());
      }

      if (first.empty()) first = all;
      EXPECT_EQ(all, first) << threads << " threads, prefetch " << prefetch;
    }
  }
}

TEST_F(ReaderTest, BackendsAndCacheChangeNothing) {
  std::vector<std::byte> first;
  for (const ReadBackend backend : {ReadBackend::pread, ReadBackend::hdf5}) {
    for (const std::uint64_t cache_bytes : {std::uint64_t{0}, std::uint64_t{100}, std::uint64_t{1} << 20}) {
      const ShardSet set = ShardSet::open(folder_ / "set", {false, backend, cache_bytes});
      ReaderOptions varied = options(16, 8);
      varied.threads = 3;
      Reader reader(set, varied);

      std::vector<std::byte> all;
      for (int i = 0; i < 30; ++i) {
        const Batch batch = reader.next();
        all.insert(all.end(), batch.values.begin(), batch.values.end());
      }

      EXPECT_EQ(set.cached(), cache_bytes == std::uint64_t{1} << 20);
      if (first.empty()) first = all;
      EXPECT_EQ(all, first);
    }
  }
}

TEST_F(ReaderTest, UsesTheMemoryOfBatchesHandedBack) {
  Reader reader(*set_, options(16, 8));
  std::set<const std::byte*> memory;
  Batch batch;

  for (int i = 0; i < 100; ++i) {
    reader.next(batch);
    memory.insert(batch.values.data());
  }

  EXPECT_LE(memory.size(), 5u);  // four read ahead, one in use
}

TEST_F(ReaderTest, ReadsNoFurtherAheadThanItsMemoryAllows) {
  ReaderOptions small = options(16, 8);
  small.prefetch = 100;
  for (const auto& [bytes, expected] : {std::pair{std::uint64_t{1}, 1}, std::pair{8 * info_.sample_bytes() * 5, 5},
                                        std::pair{std::uint64_t{1} << 40, 100}}) {
    small.prefetch_bytes = bytes;

    Reader reader(*set_, small);

    EXPECT_EQ(reader.batches_ahead(), expected);
    EXPECT_EQ(reader.next().samples.size(), 8u);
  }
}

// Large enough for several threads to share each batch.
TEST(ReaderParts, DeliverTheSameBatchAndTheEarliestError) {
  TemporaryFolder folder;
  const DatasetInfo info =
      write_conditioned_set(folder / "set", 20, 20, conditioned_info(small_info(SampleShape::picture(3, 400, 400))));
  const ShardSet set = ShardSet::open(folder / "set");
  ReaderOptions one, four;
  one.plan = four.plan = {20, 20, 0, 1};
  one.threads = 1;
  four.threads = 4;
  {
    Reader alone(set, one), together(set, four);
    for (int i = 0; i < 3; ++i) {
      const Batch a = alone.next(), b = together.next();
      EXPECT_EQ(a.values, b.values);
      EXPECT_EQ(a.conditions, b.conditions);
    }
  }
  const SampleOrder order(20, 0);
  const std::string bytes = read_bytes(folder / "set/shard-00000.h5");
  for (const std::uint64_t index : {3, 17}) {
    const auto image = small_sample(info, order.at(index).id);
    flip(folder / "set/shard-00000.h5",
         bytes.find(std::string(reinterpret_cast<const char*>(image.data()), image.size())));
  }

  for (int again = 0; again < 10; ++again) {
    Reader reader(set, four);
    expect_error(ExitCode::bad_input, {"sample " + std::to_string(order.at(3).id) + " is damaged"},
                 [&] { reader.next(); });
  }
}

TEST_F(ReaderTest, ShufflesInWindowsTheSameForAnyNumberOfRanksAndAfterAResume) {
  const SampleOrder order(set_size, 9, {32});
  for (int ranks = 1; ranks <= 3; ++ranks) {
    for (int rank = 0; rank < ranks; ++rank) {
      ReaderOptions windowed = options(24, 4, rank, ranks);
      windowed.shuffle = {32};
      windowed.first_batch = 2;
      Reader reader(*set_, windowed);
      for (int i = 0; i < 20; ++i) {
        const Batch batch = reader.next();
        for (std::size_t j = 0; j < batch.samples.size(); ++j) {
          const std::uint64_t position = batch.number * 24 + batch.micro_index * 4 + j;
          ASSERT_EQ(batch.samples[j].position, position);
          ASSERT_EQ(batch.samples[j].id, order.at(position).id);
        }
      }
    }
  }
}

TEST_F(ReaderTest, DeliversTheConditionsOfEachSample) {
  const DatasetInfo info = write_conditioned_set(folder_ / "conditioned", 50, 20);
  for (const std::uint64_t cache_bytes : {std::uint64_t{0}, std::uint64_t{1} << 20}) {
    const ShardSet set = ShardSet::open(folder_ / "conditioned", {false, ReadBackend::pread, cache_bytes});
    Reader reader(set, options(16, 8));

    for (int i = 0; i < 20; ++i) {
      const Batch batch = reader.next();

      ASSERT_EQ(batch.conditions.size(), 5u);
      for (std::size_t j = 0; j < 8; ++j) {
        const std::uint64_t id = batch.samples[j].id;
        ASSERT_EQ(label_of(batch, j), small_label(id));
        for (std::size_t k = 0; k < info.conditions.size(); ++k) {
          const std::vector<std::byte> expected = small_condition(info, id, k);
          const std::byte* found = batch.conditions[1 + k].data() + j * expected.size();
          ASSERT_EQ(std::vector<std::byte>(found, found + expected.size()), expected) << info.conditions[k].field.name;
        }
      }
    }
  }
}

TEST_F(ReaderTest, SetsWithoutClassesHaveNoLabelToDeliver) {
  DatasetInfo info = small_info();
  info.class_names.clear();
  ShardWriter writer(folder_ / "plain", info, 20);
  for (std::uint64_t id = 0; id < 20; ++id) writer.add(small_sample(info, id).data(), -1);
  writer.finish();
  const ShardSet set = ShardSet::open(folder_ / "plain");
  Reader reader(set, options(16, 8));

  EXPECT_TRUE(reader.next().conditions.empty());
}

TEST_F(ReaderTest, StopsCleanlyInMidStream) {
  for (int taken = 0; taken < 20; ++taken) {
    ReaderOptions many = options(16, 8);
    many.threads = 4;
    Reader reader(*set_, many);

    for (int i = 0; i < taken; ++i) reader.next();
  }  // the destructor returns: nothing hangs

  SUCCEED();
}

TEST_F(ReaderTest, SeveralReadersShareOneSet) {
  std::vector<std::thread> threads;
  std::vector<Buffer<std::byte>> images(4);
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Reader reader(*set_, options(16, 8));
      for (int i = 0; i < 20; ++i) images[t] = std::move(reader.next().values);
    });
  }
  for (auto& thread : threads) thread.join();

  for (std::size_t t = 1; t < 4; ++t) EXPECT_EQ(images[t], images[0]);
}

TEST_F(ReaderTest, DamageSurfacesAtTheBatchConcernedAndStays) {
  const SampleOrder order(set_size, 9);
  const std::uint64_t damaged_id = order.at(5 * 8 + 3).id;  // in batch 5
  const auto path = folder_ / "set" / info_.shards[damaged_id / 40].file;
  const auto image = small_sample(info_, damaged_id);
  std::string bytes = read_bytes(path);
  bytes[bytes.find(std::string(reinterpret_cast<const char*>(image.data()), image.size()))] ^= 4;
  write_bytes(path, bytes);
  ReaderOptions many = options(16, 8);
  many.threads = 4;
  many.prefetch = 8;
  Reader reader(*set_, many);

  for (int i = 0; i < 5; ++i) EXPECT_NO_THROW(reader.next());
  for (int again = 0; again < 2; ++again) {
    expect_error(ExitCode::bad_input, {"sample " + std::to_string(damaged_id) + " is damaged"}, [&] { reader.next(); });
  }
}

TEST_F(ReaderTest, AFileCutShortUnderOurHandsIsAnError) {
  Reader reader(*set_, options(16, 8));
  std::filesystem::resize_file(folder_ / "set/shard-00000.h5", 1000);

  expect_error(ExitCode::bad_input, {"cut short"}, [&] {
    for (int i = 0; i < 40; ++i) reader.next();
  });
}

TEST_F(ReaderTest, RefusesBatchesThatDoNotDivide) {
  expect_error(ExitCode::usage, {"train.global_batch", "16", "multiple", "5"}, [&] { Reader(*set_, options(16, 5)); });
  expect_error(ExitCode::usage, {"train.micro_batch"}, [&] { Reader(*set_, options(16, 0)); });
  expect_error(ExitCode::usage, {"train.global_batch"}, [&] { Reader(*set_, options(0, 4)); });
}

TEST_F(ReaderTest, RefusesMoreRanksThanMicroBatches) {
  expect_error(ExitCode::usage, {"train.micro_batch", "2 micro-batches", "3 ranks"},
               [&] { Reader(*set_, options(16, 8, 0, 3)); });
}

TEST_F(ReaderTest, CountsTheTimeSpentWaiting) {
  using Clock = std::chrono::steady_clock;
  ReaderOptions slow = options(64, 64);  // nothing is read before it is asked for
  slow.threads = slow.prefetch = 1;
  Reader reader(*set_, slow);
  Batch batch;

  const Clock::time_point start = Clock::now();
  for (int i = 0; i < 200; ++i) reader.next(batch);
  const double wall = std::chrono::duration<double>(Clock::now() - start).count();

  EXPECT_GT(reader.seconds_waited(), 0.0);
  EXPECT_LE(reader.seconds_waited(), wall);
}

}  // namespace
}  // namespace pathline::data
