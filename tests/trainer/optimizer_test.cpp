#include "trainer/optimizer.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/torch.h>

#include "trainer/ema.h"
#include "trainer/learning_rate.h"
#include "trainer/parallel/flat_gradients.h"

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
  EXPECT_EQ(layout.entries()[1].offset % 16, 0);
}

TEST(FlatGradients, CollectWhatBackwardAddsAndStayViews) {
  const at::Tensor weight = torch::randn({3, 4}).set_requires_grad(true);
  const at::Tensor convolution =
      torch::randn({2, 3, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
  const parallel::NamedParameters parameters = {{"w", weight}, {"c", convolution}};
  const parallel::FlatLayout layout(parameters);
  parallel::flatten_parameters(layout, parameters);
  parallel::FlatGradients gradients(layout, parameters);

  for (int pass = 0; pass < 2; ++pass) ((weight * 2).sum() + (convolution * 3).sum()).backward();

  gradients.check_views();
  EXPECT_TRUE(layout.view(gradients.buffer(), 0).eq(4).all().item<bool>());
  EXPECT_TRUE(layout.view(gradients.buffer(), 1).eq(6).all().item<bool>());
  EXPECT_EQ(layout.view(gradients.buffer(), 1).strides(), convolution.strides());
  gradients.zero();
  EXPECT_TRUE(weight.grad().eq(0).all().item<bool>());
}

TEST(FlatGradients, NoticeAGradientThatLeftTheBuffer) {
  const at::Tensor weight = torch::randn({3}).set_requires_grad(true);
  const parallel::NamedParameters parameters = {{"w", weight}};
  const parallel::FlatLayout layout(parameters);
  parallel::FlatGradients gradients(layout, parameters);

  weight.mutable_grad() = torch::zeros({3});

  EXPECT_THROW(gradients.check_views(), std::logic_error);
}

TEST(GlobalNorm, IsThatOfTheWholeBufferWithAnyNumberOfThreads) {
  const at::Tensor values = random_values(100003, 5);
  const double expected = values.to(at::kDouble).norm().item<double>();

  at::set_num_threads(1);
  const double alone = parallel::global_norm(parallel::span_of(values));
  at::set_num_threads(3);
  const double together = parallel::global_norm(parallel::span_of(values));
  at::set_num_threads(1);

  EXPECT_NEAR(alone, expected, 1e-9 * expected);
  EXPECT_EQ(alone, together);
}

TEST(GlobalNorm, IsNotFiniteIfOneValueIsNot) {
  at::Tensor values = torch::ones({1000});
  values[777] = std::numeric_limits<float>::infinity();

  EXPECT_FALSE(std::isfinite(parallel::global_norm(parallel::span_of(values))));
}

}  // namespace
}  // namespace pathline
