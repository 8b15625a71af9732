#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/fields/normal.h"
#include "tests/core/expect_error.h"
#include "tests/flow/times/distribution_distance.h"

namespace pathline::flow {
namespace {

/// P(T <= t).
auto cdf_of(double mean, double std) {
  return [=](double t) { return normal_cdf((std::log(t / (1 - t)) - mean) / std); };
}

TEST(LogitNormalTimes, DrawsFollowTheDistribution) {
  EXPECT_LT(test::distance(*make_time_distribution("logit-normal:0,1"), cdf_of(0, 1)), test::kDistanceBound);
  EXPECT_LT(test::distance(*make_time_distribution("logit-normal:1.2,0.7"), cdf_of(1.2, 0.7)), test::kDistanceBound);
}

TEST(LogitNormalTimes, TheTestTellsDistributionsApart) {
  EXPECT_GT(test::distance(*make_time_distribution("logit-normal:0.1,1"), cdf_of(-0.1, 1)), test::kDistanceBound);
  EXPECT_GT(test::distance(*make_time_distribution("uniform"), cdf_of(0, 1.5)), test::kDistanceBound);
}

TEST(LogitNormalTimes, QuantileInvertsTheDistributionFunction) {
  const auto times = make_time_distribution("logit-normal:-0.4,1.3");

  for (const double u : {1e-12, 0.01, 0.3, 0.5, 0.9, 1 - 1e-12})
    EXPECT_NEAR(cdf_of(-0.4, 1.3)(times->quantile(u)), u, 1e-13) << u;
}

TEST(LogitNormalTimes, PositiveMeanFavoursTimesNearTheData) {
  EXPECT_GT(make_time_distribution("logit-normal:1,1")->quantile(0.5), 0.5);
  EXPECT_LT(make_time_distribution("logit-normal:-1,1")->quantile(0.5), 0.5);
}

TEST(LogitNormalTimes, WithoutArgumentsIsTheStandardOne) {
  EXPECT_EQ(make_time_distribution("logit-normal")->text(), "logit-normal:0,1");
}

TEST(LogitNormalTimes, NonsenseIsRefusedWithTheWayItIsWritten) {
  for (const char* text : {"logit-normal:0,0", "logit-normal:0,-1", "logit-normal:nan,1", "logit-normal:1",
                           "logit-normal:", "logit-normal:0,1,2", "logit-normal:a,b"}) {
    const Error error = test::error_of([&] { (void)make_time_distribution(text); });
    EXPECT_EQ(error.code(), ExitCode::usage) << text;
    EXPECT_TRUE(test::contains(error.hint(), "logit-normal:MEAN,STD")) << text;
  }
}

}  // namespace
}  // namespace pathline::flow
