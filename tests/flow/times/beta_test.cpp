#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/flow/times/distribution_distance.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;

TEST(BetaTimes, DrawsFollowTheDistribution) {
  // Distribution functions in closed form: of A = 2, B = 1 and of A = 2, B = 2.
  EXPECT_LT(test::distance(*make_time_distribution("beta:2,1"), [](double t) { return t * t; }), test::kDistanceBound);
  EXPECT_LT(test::distance(*make_time_distribution("beta:2,2"), [](double t) { return t * t * (3 - 2 * t); }),
            test::kDistanceBound);
}

TEST(BetaTimes, AreTheOneFarFromTheOther) {
  EXPECT_GT(test::distance(*make_time_distribution("beta:2,1"), [](double t) { return t; }), 0.2);
}

TEST(BetaTimes, QuantilesAreExact) {
  const auto times = make_time_distribution("beta:1.5,1");  // P(T <= t) = t^1.5

  for (const double u : {1e-6, 0.1, 0.5, 0.9, 1 - 1e-6}) EXPECT_NEAR(times->quantile(u), std::pow(u, 1 / 1.5), 1e-14);
}

TEST(BetaTimes, EndAtTheMost) {
  const auto times = make_time_distribution("beta:1.5,1,0.999");

  EXPECT_EQ(times->text(), "beta:1.5,1,0.999");
  EXPECT_NEAR(times->quantile(0.5), 0.999 * std::pow(0.5, 1 / 1.5), 1e-14);
  EXPECT_LE(times->quantile(1 - 0x1p-53), 0.999);
}

TEST(BetaTimes, RefuseNumbersThatMakeNoDistribution) {
  for (const char* text :
       {"beta", "beta:1", "beta:0,1", "beta:1,-2", "beta:1,1e9", "beta:1,1,0", "beta:1,1,1.5", "beta:1,1,1,1"}) {
    const Error error = error_of([&] { (void)make_time_distribution(text); });

    EXPECT_EQ(error.code(), ExitCode::usage) << text;
    EXPECT_TRUE(contains(error.hint(), "beta:A,B[,MAX]")) << text;
  }
}

}  // namespace
}  // namespace pathline::flow
