#include "flow/fields/normal.h"

#include <cmath>

#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

TEST(NormalQuantile, InvertsTheDistributionFunction) {
  for (double x = -37; x <= 8; x += 0.37) {
    const double p = normal_cdf(x);
    // Near p = 1 a double cannot tell neighbouring x apart: the spacing of p over the density is the best there is.
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * M_PI);
    EXPECT_NEAR(normal_quantile(p), x, 1e-13 * (1 + std::abs(x)) + (x > 0 ? 2.3e-16 / density : 0)) << x;
  }
}

TEST(NormalQuantile, KnownValues) {
  EXPECT_DOUBLE_EQ(normal_quantile(0.975), 1.9599639845400545);
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-16);
}

}  // namespace
}  // namespace pathline::flow
