#include "trainer/optim/ema.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace pathline {
namespace {

at::Tensor random_values(std::int64_t count, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn({count});
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

}  // namespace
}  // namespace pathline
