#include "trainer/parallel/engine/flat_layout.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pathline::parallel {
namespace {

at::Tensor random_values(std::int64_t count, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({count});
}

TEST(FlatLayout, GivesEveryParameterAViewWithItsOwnStrides) {
  const at::Tensor plain = torch::randn({3, 5});
  const at::Tensor channels_last = torch::randn({4, 3, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor plain_copy = plain.clone(), channels_last_copy = channels_last.clone();
  const NamedParameters parameters = {{"a", plain}, {"b", channels_last}};
  const FlatLayout layout(parameters);

  const at::Tensor flat = flatten_parameters(layout, parameters);

  EXPECT_TRUE(plain.equal(plain_copy));
  EXPECT_TRUE(channels_last.equal(channels_last_copy));
  EXPECT_EQ(channels_last.strides(), channels_last_copy.strides());
  flat.fill_(3);
  EXPECT_TRUE(plain.eq(3).all().item<bool>());
  EXPECT_TRUE(channels_last.eq(3).all().item<bool>());
  EXPECT_EQ(layout.parameter_count(), 15 + 48);
  EXPECT_EQ(layout.entries()[0].offset % 16, 0);
  EXPECT_EQ(layout.entries()[1].offset, 0);  // the last parameter is ready first
}

TEST(BlockNorm, IsThatOfTheWholeBufferWithAnyNumberOfThreads) {
  const at::Tensor values = random_values(100000, 5);
  const FlatLayout layout({{"w", values}});
  const double expected = values.to(at::kDouble).norm().item<double>();
  const std::vector<Slice> all = {{0, static_cast<std::size_t>(layout.size())}};
  const auto norm = [&] { return BlockNorm::total(BlockNorm(layout).partial(span_of(values), all)); };

  at::set_num_threads(1);
  const double alone = norm();
  at::set_num_threads(3);
  const double together = norm();
  at::set_num_threads(1);

  EXPECT_NEAR(alone, expected, 1e-9 * expected);
  EXPECT_EQ(alone, together);
}

TEST(BlockNorm, HasTheSameBitsUnderAnyLayoutAndForAnyOwners) {
  const NamedParameters parameters = {
      {"a", random_values(70000, 1)}, {"b", random_values(5, 2)}, {"c", random_values(9000, 3)}};
  const auto norm = [&](const std::vector<std::size_t>& order, int ranks) {
    const FlatLayout layout(parameters, order);
    at::Tensor buffer = layout.make_buffer();
    for (std::size_t i = 0; i < parameters.size(); ++i) layout.view(buffer, i).copy_(parameters[i].second);
    const BlockNorm blocks(layout);
    const auto buckets = plan_buckets(layout, 100000, 200000);
    std::vector<double> sum;
    for (int rank = 0; rank < ranks; ++rank) {
      std::vector<Slice> owned;
      for (const Bucket& bucket : buckets) {
        const Slice slice = blocks.slices(bucket, ranks)[static_cast<std::size_t>(rank)];
        owned.push_back({bucket.range.offset + slice.offset, slice.count});
      }
      const std::vector<double> partial = blocks.partial(span_of(buffer), owned);
      sum.resize(partial.size(), 0.0);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += partial[i];
    }
    return BlockNorm::total(sum);
  };

  const double expected = norm({0, 1, 2}, 1);

  EXPECT_EQ(norm({2, 0, 1}, 1), expected);
  EXPECT_EQ(norm({2, 1, 0}, 2), expected);
  EXPECT_EQ(norm({1, 0, 2}, 5), expected);
}

TEST(BlockNorm, IsNotFiniteIfOneValueIsNot) {
  at::Tensor values = torch::ones({1008});
  values[777] = std::numeric_limits<float>::infinity();
  const FlatLayout layout({{"w", values}});

  const auto partial = BlockNorm(layout).partial(span_of(values), std::vector<Slice>{{0, 1008}});

  EXPECT_FALSE(std::isfinite(BlockNorm::total(partial)));
}

TEST(Buckets, CoverTheBufferWithASmallFirstOneAndRoomForLargeParameters) {
  const NamedParameters parameters = {
      {"a", torch::zeros({100})}, {"huge", torch::zeros({5000})}, {"b", torch::zeros({40})}, {"c", torch::zeros({30})}};
  const FlatLayout layout(parameters, {3, 2, 1, 0});

  const auto buckets = plan_buckets(layout, 4 * 100, 4 * 1000);

  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].last, 2U);  // c and b
  EXPECT_EQ(buckets[1].first, 2U);
  EXPECT_EQ(buckets[1].last, 3U);  // huge, alone
  std::size_t end = 0;
  for (const Bucket& bucket : buckets) {
    EXPECT_EQ(bucket.range.offset, end);
    end += bucket.range.count;
  }
  EXPECT_EQ(end, static_cast<std::size_t>(layout.size()));
}

TEST(Buckets, AreASixteenthOfTheGradientsWhenNoSizeIsGiven) {
  NamedParameters parameters;
  for (int i = 0; i < 320; ++i) parameters.emplace_back(std::to_string(i), torch::zeros({32}));
  const FlatLayout layout(parameters);

  const auto small_first = plan_buckets(layout, 4 * 32, 0);
  const auto large_first = plan_buckets(layout, 4 * 32 * 100, 0);

  ASSERT_EQ(small_first.size(), 18U);  // 1 + 318 in sixteenths of 20 parameters + 1
  EXPECT_EQ(small_first[1].range.count, 20U * 32);
  EXPECT_EQ(small_first[15].range.count, 20U * 32);
  EXPECT_EQ(large_first[1].range.count, 100U * 32);  // not smaller than the first
}

TEST(Buckets, KeepTheLastOneSmallBecauseNothingHidesIt) {
  NamedParameters parameters;
  for (int i = 0; i < 20; ++i) parameters.emplace_back(std::to_string(i), torch::zeros({32}));
  const FlatLayout layout(parameters);

  const auto buckets = plan_buckets(layout, 4 * 100, 4 * 10000);

  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].range.count, 3U * 32);
  EXPECT_EQ(buckets[1].range.count, 14U * 32);
  EXPECT_EQ(buckets[2].range.count, 3U * 32);
}

}  // namespace
}  // namespace pathline::parallel
