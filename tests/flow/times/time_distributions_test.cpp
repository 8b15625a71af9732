// What holds for every timestep distribution of the table; and the uniform one.

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/flow/times/distribution_distance.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;

/// One of each, with arguments where it has to have some.
std::vector<std::string> one_of_each() {
  std::vector<std::string> texts;
  for (const auto& entry : time_distributions()) {
    const std::string name = entry.name;
    try {
      texts.push_back(make_time_distribution(name)->text());
    } catch (const Error&) {
      texts.push_back(name + ":2,3");
    }
  }
  return texts;
}

TEST(TimeDistributions, EachIsMadeAgainFromItsText) {
  for (const std::string& text : one_of_each()) EXPECT_EQ(make_time_distribution(text)->text(), text);
}

TEST(TimeDistributions, EachQuantileFunctionRisesWithinTheUnitInterval) {
  for (const std::string& text : one_of_each()) {
    const auto times = make_time_distribution(text);
    double last = 0;
    for (const double u : {0x1p-53, 1e-9, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-9, 1 - 0x1p-53}) {
      const double t = times->quantile(u);
      EXPECT_GE(t, last) << text << " at " << u;
      EXPECT_LE(t, 1) << text << " at " << u;
      last = t;
    }
  }
}

TEST(TimeDistributions, AnUnknownNameIsRefusedWithTheNearest) {
  const Error error = error_of([] { (void)make_time_distribution("logitnormal:0,1"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.message(), "timestep distribution 'logitnormal'"));
  EXPECT_TRUE(contains(error.hint(), "did you mean logit-normal?"));
}

/// Like the stratified ones to come: needs to know where in its batch a sample is.
class EvenlySpread final : public TimeDistribution {
 public:
  std::string text() const override { return "evenly-spread"; }
  double quantile(double u) const override { return u; }
  double time(const TimeDraw& draw) const override {
    return (static_cast<double>(draw.place) + draw.uniform) / static_cast<double>(draw.count);
  }
};

TEST(TimeDistributions, MaySpreadTheTimesOfABatch) {
  EXPECT_LT(test::distance(EvenlySpread(), [](double t) { return t; }), 1.0 / test::kDraws);
}

TEST(UniformTimes, DrawsFollowTheDistribution) {
  const auto times = make_time_distribution("uniform");

  EXPECT_LT(test::distance(*times, [](double t) { return t; }), test::kDistanceBound);
  EXPECT_EQ(times->quantile(0.25), 0.25);
}

TEST(UniformTimes, TakeNoArguments) {
  EXPECT_TRUE(contains(error_of([] { (void)make_time_distribution("uniform:1"); }).what(), "found '1'"));
}

}  // namespace
}  // namespace pathline::flow
