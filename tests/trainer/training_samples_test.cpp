#include "trainer/training_samples.h"

#include <cstring>
#include <set>
#include <utility>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/random.h"
#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

TEST(TrainingSamples, AreTheSameForASampleInAnyBatch) {
  const test::TemporaryFolder folder;
  test::write_tiny_shards(folder / "shards");
  const auto shards = data::ShardSet::open(folder / "shards");
  data::ReaderOptions two_at_a_time, eight;
  two_at_a_time.plan = {8, 2, 0, 1};
  eight.plan = {8, 8, 0, 1};
  data::Reader small(shards, two_at_a_time), large(shards, eight);
  const PictureSettings settings{11, true, 2};

  const at::Tensor whole = make_training_samples(large.next(), shards.info(), settings);

  for (std::int64_t i = 0; i < 8; i += 2)
    EXPECT_TRUE(make_training_samples(small.next(), shards.info(), settings).equal(whole.slice(0, i, i + 2)));
}

TEST(TrainingSamples, ScalesBytesMovesChannelsFirstAndMirrorsOnlyWhereDrawn) {
  data::DatasetInfo info;
  info.shape = SampleShape::picture(2, 1, 3);
  info.dtype = "uint8";
  info.mean = {127.5, 0.0};
  info.scale = {127.5, 2.0};
  data::Batch batch;
  constexpr int kCount = 400;
  batch.values.resize(kCount * 6);
  for (int i = 0; i < kCount; ++i) {
    batch.samples.push_back({static_cast<std::uint64_t>(i), 0, static_cast<std::uint64_t>(i)});
    const int values[] = {0, 2, 51, 4, 255, 6};  // [H, W, C]
    for (int k = 0; k < 6; ++k) batch.values[static_cast<std::size_t>(6 * i + k)] = static_cast<std::byte>(values[k]);
  }

  const at::Tensor plain = make_training_samples(batch, info, {0, false, 0});
  const at::Tensor flipped = make_training_samples(batch, info, {0, true, 0});

  const at::Tensor straight = torch::tensor({-1.0F, -0.6F, 1.0F, 1.0F, 2.0F, 3.0F}).reshape({2, 1, 3});
  int mirrored = 0;
  for (int i = 0; i < kCount; ++i) {
    EXPECT_TRUE(at::allclose(plain[i], straight));
    const bool mirror = !flipped[i].equal(plain[i]);
    if (mirror) {
      EXPECT_TRUE(flipped[i].equal(plain[i].flip({2})));
    }
    mirrored += mirror ? 1 : 0;
  }
  EXPECT_NEAR(mirrored, kCount / 2, 50);  // five standard deviations
}

TEST(TrainingSamples, LeavesVectorsAndSequencesAsTheyLie) {
  for (const SampleShape& shape : {SampleShape::vector(6), SampleShape::sequence(2, 3)}) {
    data::DatasetInfo info;
    info.shape = shape;
    info.dtype = "float32";
    info.mean.assign(static_cast<std::size_t>(shape.channels()), 1.0);
    info.scale.assign(static_cast<std::size_t>(shape.channels()), 2.0);
    const at::Tensor stored = torch::arange(3 * 6, torch::kFloat).reshape(shape.batch_sizes(3));
    data::Batch batch;
    batch.values.resize(3 * 6 * sizeof(float));
    std::memcpy(batch.values.data(), stored.data_ptr(), batch.values.size());
    for (std::uint64_t i = 0; i < 3; ++i) batch.samples.push_back({i, 0, i});

    const at::Tensor made = make_training_samples(batch, info, {0, true, 1});

    EXPECT_TRUE(made.equal((stored - 1) / 2)) << shape.describe();
  }
}

// The slow, obvious way: LibTorch pads the mirrored image by reflection, and the cut is a slice.
TEST(TrainingSamples, CutsPaddedImagesWhereDrawn) {
  data::DatasetInfo info;
  info.shape = SampleShape::picture(2, 4, 5);
  info.dtype = "float32";
  info.mean = {1.0, -2.0};
  info.scale = {3.0, 0.5};
  constexpr std::int64_t kCount = 300, kPadding = 2;
  data::Batch batch;
  batch.values.resize(kCount * 40 * sizeof(float));
  const at::Tensor stored = torch::arange(kCount * 40, torch::kFloat).reshape({kCount, 4, 5, 2}).contiguous();
  std::memcpy(batch.values.data(), stored.data_ptr(), batch.values.size());
  for (std::uint64_t i = 0; i < kCount; ++i) batch.samples.push_back({i, 3, 7 * i});
  const at::Tensor straight = make_training_samples(batch, info, {5, true, 0});  // mirrored, not cut

  const at::Tensor cut = make_training_samples(batch, info, {5, true, kPadding});

  const at::Tensor padded = at::reflection_pad2d(straight, {kPadding, kPadding, kPadding, kPadding});
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (std::int64_t i = 0; i < kCount; ++i) {
    RandomStream draws(5, Purpose::crop, 3, static_cast<std::uint64_t>(7 * i));
    const auto top = static_cast<std::int64_t>(draws.bits32() * 5ULL >> 32);
    const auto left = static_cast<std::int64_t>(draws.bits32() * 5ULL >> 32);
    EXPECT_TRUE(cut[i].equal(padded[i].slice(1, top, top + 4).slice(2, left, left + 5))) << i;
    places.insert({top, left});
  }
  EXPECT_EQ(places.size(), 25u);  // every place occurs
}

}  // namespace
}  // namespace pathline
