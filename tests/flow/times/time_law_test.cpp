#include "flow/times/time_law.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "flow/fields/normal.h"

namespace pathline::flow {
namespace {

/// Largest distance between the empirical distribution of `count` draws and the law's (Kolmogorov-Smirnov statistic).
double distance(const TimeLaw& law, const TimeLaw& claimed, int count) {
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    RandomStream random(11, Purpose::time, 0, static_cast<std::uint64_t>(i));
    times.push_back(law.time(random.uniform()));
  }
  std::sort(times.begin(), times.end());
  double largest = 0;
  for (int i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(claimed.cdf(times[static_cast<std::size_t>(i)]) - (i + 0.5) / count));
  }
  return largest;
}

// The 99.9 % quantile of the statistic is 1.95 / sqrt(n).
constexpr int draws = 20000;
const double bound = 1.95 / std::sqrt(draws);

TEST(TimeLaw, DrawsFollowTheLaw) {
  EXPECT_LT(distance(TimeLaw::uniform(), TimeLaw::uniform(), draws), bound);
  EXPECT_LT(distance(TimeLaw::logit_normal(0, 1), TimeLaw::logit_normal(0, 1), draws), bound);
  EXPECT_LT(distance(TimeLaw::logit_normal(1.2, 0.7), TimeLaw::logit_normal(1.2, 0.7), draws), bound);
}

TEST(TimeLaw, TheTestTellsLawsApart) {
  EXPECT_GT(distance(TimeLaw::logit_normal(0.1, 1), TimeLaw::logit_normal(-0.1, 1), draws), bound);
  EXPECT_GT(distance(TimeLaw::uniform(), TimeLaw::logit_normal(0, 1.5), draws), bound);
}

TEST(TimeLaw, PositiveMeanFavoursTimesNearTheData) {
  EXPECT_GT(TimeLaw::logit_normal(1, 1).time(0.5), 0.5);
  EXPECT_LT(TimeLaw::logit_normal(-1, 1).time(0.5), 0.5);
}

TEST(TimeLaw, CdfInvertsTime) {
  const TimeLaw law = TimeLaw::logit_normal(-0.4, 1.3);

  for (const double u : {1e-12, 0.01, 0.3, 0.5, 0.9, 1 - 1e-12}) EXPECT_NEAR(law.cdf(law.time(u)), u, 1e-13) << u;
}

TEST(TimeLaw, NonsenseIsRefused) {
  EXPECT_THROW(TimeLaw::from_name("logitnormal"), Error);
  EXPECT_THROW(TimeLaw::logit_normal(0, 0), Error);
  EXPECT_THROW(TimeLaw::logit_normal(NAN, 1), Error);
}

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
