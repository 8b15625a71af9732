#include "trainer/optim/adamw.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>
#include <torch/torch.h>

namespace pathline {
namespace {

at::Tensor random_values(std::int64_t count, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({count});
}

/// Weights with the buffers that AdamW keeps for them.
struct Trained {
  explicit Trained(const at::Tensor& initial) : weights(initial) {}
  void update(const AdamW& adamw, const at::Tensor& gradients, double learning_rate, std::uint64_t step) const {
    adamw.update({weights, gradients, {first, second}}, learning_rate, step);
  }
  at::Tensor weights, first = torch::zeros_like(weights), second = torch::zeros_like(weights);
};

TEST(AdamW, FollowsTorchOptimAdamW) {
  const std::int64_t count = 1003;
  const Trained trained(random_values(count, 1));
  at::Tensor reference = trained.weights.clone().set_requires_grad(true);
  torch::optim::AdamW oracle({reference},
                             torch::optim::AdamWOptions(3e-3).betas({0.8, 0.99}).eps(1e-7).weight_decay(0.1));
  const AdamW adamw({0.8, 0.99, 1e-7, 0.1});

  for (std::uint64_t step = 1; step <= 20; ++step) {
    const at::Tensor gradient = random_values(count, 100 + step);
    reference.mutable_grad() = gradient.clone();
    oracle.step();
    trained.update(adamw, gradient, 3e-3, step);
  }

  EXPECT_TRUE(at::allclose(trained.weights, reference.detach(), /*rtol=*/1e-5, /*atol=*/1e-6))
      << (trained.weights - reference.detach()).abs().max().item<float>();
}

TEST(AdamW, DecaysWeightsWithoutGradientByLrTimesDecay) {
  const Trained trained(torch::ones({16}));

  trained.update(AdamW({0.9, 0.999, 1e-8, 0.5}), torch::zeros({16}), 0.1, 1);

  EXPECT_TRUE(at::allclose(trained.weights, torch::full({16}, 0.95F)));
}

TEST(AdamW, GivesTheSameBitsWithAnyNumberOfThreads) {
  const std::int64_t count = 300001;
  std::vector<at::Tensor> results;

  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    const Trained trained(random_values(count, 1));
    for (std::uint64_t step = 1; step <= 3; ++step) trained.update(AdamW({}), random_values(count, step), 1e-3, step);
    results.push_back(trained.weights);
  }
  at::set_num_threads(1);

  EXPECT_TRUE(results[0].equal(results[1]));
  EXPECT_TRUE(results[0].equal(results[2]));
}

TEST(AdamW, GivesTheSameBitsWhereverSlicesAreCut) {
  const std::int64_t count = 1003, cut = 512;
  const AdamW adamw({});
  const Trained whole(random_values(count, 1)), parts(random_values(count, 1));

  for (std::uint64_t step = 1; step <= 3; ++step) {
    const at::Tensor gradients = random_values(count, 100 + step);
    whole.update(adamw, gradients, 1e-3, step);
    for (const auto& [first, last] : {std::pair{std::int64_t{0}, cut}, std::pair{cut, count}}) {
      adamw.update({parts.weights.slice(0, first, last),
                    gradients.slice(0, first, last),
                    {parts.first.slice(0, first, last), parts.second.slice(0, first, last)}},
                   1e-3, step);
    }
  }

  EXPECT_TRUE(whole.weights.equal(parts.weights));
}

}  // namespace
}  // namespace pathline
