#include "trainer/optim/optimizer.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/torch.h>

#include "trainer/optim/ema.h"
#include "trainer/optim/learning_rate.h"
#include "trainer/parallel/engine/flat_layout.h"

namespace pathline {
namespace {

at::Tensor random_values(std::int64_t count, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({count});
}

TEST(AdamW, FollowsTorchOptimAdamW) {
  const std::int64_t count = 1003;
  at::Tensor weights = random_values(count, 1);
  at::Tensor reference = weights.clone().set_requires_grad(true);
  torch::optim::AdamW oracle({reference},
                             torch::optim::AdamWOptions(3e-3).betas({0.8, 0.99}).eps(1e-7).weight_decay(0.1));
  AdamW adamw({0.8, 0.99, 1e-7, 0.1}, count);

  for (std::uint64_t step = 1; step <= 20; ++step) {
    const at::Tensor gradient = random_values(count, 100 + step);
    reference.mutable_grad() = gradient.clone();
    oracle.step();
    adamw.update(weights, gradient, 3e-3, step);
  }

  EXPECT_TRUE(at::allclose(weights, reference.detach(), /*rtol=*/1e-5, /*atol=*/1e-6))
      << (weights - reference.detach()).abs().max().item<float>();
}

TEST(AdamW, DecaysWeightsWithoutGradientByLrTimesDecay) {
  at::Tensor weights = torch::ones({16});
  AdamW adamw({0.9, 0.999, 1e-8, 0.5}, 16);

  adamw.update(weights, torch::zeros({16}), 0.1, 1);

  EXPECT_TRUE(at::allclose(weights, torch::full({16}, 0.95F)));
}

TEST(AdamW, GivesTheSameBitsWithAnyNumberOfThreads) {
  const std::int64_t count = 300001;
  std::vector<at::Tensor> results;

  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    at::Tensor weights = random_values(count, 1);
    AdamW adamw({}, count);
    for (std::uint64_t step = 1; step <= 3; ++step) adamw.update(weights, random_values(count, step), 1e-3, step);
    results.push_back(weights);
  }
  at::set_num_threads(1);

  EXPECT_TRUE(results[0].equal(results[1]));
  EXPECT_TRUE(results[0].equal(results[2]));
}

TEST(ClipFactor, ScalesOnlyGradientsAboveTheLimit) {
  EXPECT_EQ(clip_factor(0.5, 1.0), 1.0);
  EXPECT_NEAR(clip_factor(4.0, 1.0), 0.25, 1e-6);
  EXPECT_EQ(clip_factor(4.0, 0.0), 1.0);
}

TEST(Ema, FollowsItsDefinition) {
  at::Tensor average = torch::zeros({5});
  std::vector<double> naive(5, 0.0);

  for (int step = 1; step <= 50; ++step) {
    const at::Tensor weights = random_values(5, static_cast<std::uint64_t>(step));
    const double images = 64.0 * step;
    const double beta = ema_beta(1000, 0.25, images, 64);
    update_ema(average, weights, beta);
    const double expected_beta = std::pow(0.5, 64 / std::min(1000.0, 0.25 * images));
    for (int i = 0; i < 5; ++i) naive[i] = expected_beta * naive[i] + (1 - expected_beta) * weights[i].item<double>();
  }

  for (int i = 0; i < 5; ++i) EXPECT_NEAR(average[i].item<double>(), naive[i], 1e-5);
}

TEST(Ema, HalvesAnOldValueAfterOneHalflifeWhateverTheBatch) {
  for (const double batch : {10.0, 50.0, 100.0}) {
    double remaining = 1;
    for (double images = 0; images < 1000; images += batch) remaining *= ema_beta(1000, 0, images, batch);
    EXPECT_NEAR(remaining, 0.5, 1e-12);
  }
}

TEST(Ema, IsTheWeightsThemselvesWithoutAHalflife) {
  EXPECT_EQ(ema_beta(0, 0.05, 1000, 10), 0.0);
  EXPECT_EQ(ema_beta(0, 0, 1000, 10), 0.0);
}

TEST(LearningRate, WarmsUpLinearlyToThePeak) {
  const LearningRateSettings settings{2.0, 4, "constant", 0};

  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 0, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 3, 100), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 4, 100), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 99, 100), 2.0);
}

TEST(LearningRate, FallsAlongACosineToItsFinalFraction) {
  const LearningRateSettings settings{1.0, 10, "cosine", 0.1};

  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 10, 111), 1.0);
  EXPECT_NEAR(learning_rate_at(settings, 60, 111), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate_at(settings, 110, 111), 0.1, 1e-12);
}

TEST(LearningRate, IsFiniteWhenTheWarmUpIsTheWholeRun) {
  const LearningRateSettings settings{1.0, 10, "cosine", 0.1};

  EXPECT_DOUBLE_EQ(learning_rate_at(settings, 9, 10), 1.0);
  EXPECT_TRUE(std::isfinite(learning_rate_at(settings, 10, 10)));
}

TEST(FlatLayout, GivesEveryParameterAViewWithItsOwnStrides) {
  const at::Tensor plain = torch::randn({3, 5});
  const at::Tensor channels_last = torch::randn({4, 3, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor plain_copy = plain.clone(), channels_last_copy = channels_last.clone();
  const parallel::NamedParameters parameters = {{"a", plain}, {"b", channels_last}};
  const parallel::FlatLayout layout(parameters);

  const at::Tensor flat = parallel::flatten_parameters(layout, parameters);

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
  const parallel::FlatLayout layout({{"w", values}});
  const double expected = values.to(at::kDouble).norm().item<double>();
  const std::vector<parallel::Slice> all = {{0, static_cast<std::size_t>(layout.size())}};
  const auto norm = [&] {
    return parallel::BlockNorm::total(parallel::BlockNorm(layout).partial(parallel::span_of(values), all));
  };

  at::set_num_threads(1);
  const double alone = norm();
  at::set_num_threads(3);
  const double together = norm();
  at::set_num_threads(1);

  EXPECT_NEAR(alone, expected, 1e-9 * expected);
  EXPECT_EQ(alone, together);
}

TEST(BlockNorm, HasTheSameBitsUnderAnyLayoutAndForAnyOwners) {
  const parallel::NamedParameters parameters = {
      {"a", random_values(70000, 1)}, {"b", random_values(5, 2)}, {"c", random_values(9000, 3)}};
  const auto norm = [&](const std::vector<std::size_t>& order, int ranks) {
    const parallel::FlatLayout layout(parameters, order);
    at::Tensor buffer = layout.make_buffer();
    for (std::size_t i = 0; i < parameters.size(); ++i) layout.view(buffer, i).copy_(parameters[i].second);
    const parallel::BlockNorm blocks(layout);
    const auto buckets = parallel::plan_buckets(layout, 100000, 200000);
    std::vector<double> sum;
    for (int rank = 0; rank < ranks; ++rank) {
      std::vector<parallel::Slice> owned;
      for (const parallel::Bucket& bucket : buckets) {
        const parallel::Slice slice = blocks.slices(bucket, ranks)[static_cast<std::size_t>(rank)];
        owned.push_back({bucket.range.offset + slice.offset, slice.count});
      }
      const std::vector<double> partial = blocks.partial(parallel::span_of(buffer), owned);
      sum.resize(partial.size(), 0.0);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += partial[i];
    }
    return parallel::BlockNorm::total(sum);
  };

  const double expected = norm({0, 1, 2}, 1);

  EXPECT_EQ(norm({2, 0, 1}, 1), expected);
  EXPECT_EQ(norm({2, 1, 0}, 2), expected);
  EXPECT_EQ(norm({1, 0, 2}, 5), expected);
}

TEST(BlockNorm, IsNotFiniteIfOneValueIsNot) {
  at::Tensor values = torch::ones({1008});
  values[777] = std::numeric_limits<float>::infinity();
  const parallel::FlatLayout layout({{"w", values}});

  const auto partial =
      parallel::BlockNorm(layout).partial(parallel::span_of(values), std::vector<parallel::Slice>{{0, 1008}});

  EXPECT_FALSE(std::isfinite(parallel::BlockNorm::total(partial)));
}

TEST(Buckets, CoverTheBufferWithASmallFirstOneAndRoomForLargeParameters) {
  const parallel::NamedParameters parameters = {
      {"a", torch::zeros({100})}, {"huge", torch::zeros({5000})}, {"b", torch::zeros({40})}, {"c", torch::zeros({30})}};
  const parallel::FlatLayout layout(parameters, {3, 2, 1, 0});

  const auto buckets = parallel::plan_buckets(layout, 4 * 100, 4 * 1000);

  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].last, 2U);  // c and b
  EXPECT_EQ(buckets[1].first, 2U);
  EXPECT_EQ(buckets[1].last, 3U);  // huge, alone
  std::size_t end = 0;
  for (const parallel::Bucket& bucket : buckets) {
    EXPECT_EQ(bucket.range.offset, end);
    end += bucket.range.count;
  }
  EXPECT_EQ(end, static_cast<std::size_t>(layout.size()));
}

TEST(Buckets, AreASixteenthOfTheGradientsWhenNoSizeIsGiven) {
  parallel::NamedParameters parameters;
  for (int i = 0; i < 320; ++i) parameters.emplace_back(std::to_string(i), torch::zeros({32}));
  const parallel::FlatLayout layout(parameters);

  const auto small_first = parallel::plan_buckets(layout, 4 * 32, 0);
  const auto large_first = parallel::plan_buckets(layout, 4 * 32 * 100, 0);

  ASSERT_EQ(small_first.size(), 18U);  // 1 + 318 in sixteenths of 20 parameters + 1
  EXPECT_EQ(small_first[1].range.count, 20U * 32);
  EXPECT_EQ(small_first[15].range.count, 20U * 32);
  EXPECT_EQ(large_first[1].range.count, 100U * 32);  // not smaller than the first
}

TEST(Buckets, KeepTheLastOneSmallBecauseNothingHidesIt) {
  parallel::NamedParameters parameters;
  for (int i = 0; i < 20; ++i) parameters.emplace_back(std::to_string(i), torch::zeros({32}));
  const parallel::FlatLayout layout(parameters);

  const auto buckets = parallel::plan_buckets(layout, 4 * 100, 4 * 10000);

  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].range.count, 3U * 32);
  EXPECT_EQ(buckets[1].range.count, 14U * 32);
  EXPECT_EQ(buckets[2].range.count, 3U * 32);
}

}  // namespace
}  // namespace pathline
