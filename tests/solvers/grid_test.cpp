// Time grids: their laws, their ends, and what is refused.

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

const std::vector<std::string> laws = {"uniform", "shift", "shift:3", "shift:0.25", "rho", "rho:7", "rho:1", "cosine"};

std::string usage_error(const std::string& spec, std::int64_t steps) {
  try {
    make_grid(spec, steps);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
    return error.what();
  }
  return "";
}

TEST(Grid, EveryLawAscendsFromExactlyZeroToExactlyOne) {
  for (const std::string& law : laws) {
    for (const std::int64_t steps : {1, 2, 3, 7, 49, 1000}) {
      const std::vector<double> t = make_grid(law, steps);

      ASSERT_EQ(t.size(), static_cast<std::size_t>(steps) + 1) << law;
      EXPECT_EQ(t.front(), 0.0) << law;
      EXPECT_EQ(t.back(), 1.0) << law;
      for (std::size_t i = 1; i < t.size(); ++i) ASSERT_GT(t[i], t[i - 1]) << law << " with " << steps;
    }
  }
}

TEST(Grid, UniformTimesAreCorrectlyRounded) {
  const std::vector<double> t = make_grid("uniform", 49);

  for (std::size_t i = 0; i < t.size(); ++i) EXPECT_EQ(t[i], static_cast<double>(i) / 49);
}

TEST(Grid, ShiftIsStableDiffusionsInItsNoiseLevel) {
  const std::vector<double> t = make_grid("shift:3", 4);

  for (const int i : {1, 2, 3}) {
    const double sigma = 1 - i / 4.0;
    EXPECT_NEAR(1 - t[static_cast<std::size_t>(i)], 3 * sigma / (1 + 2 * sigma), 1e-15);
  }
  EXPECT_LT(t[1], 0.25);  // more steps near the noise
}

TEST(Grid, ShiftByOneIsUniform) {
  EXPECT_EQ(make_grid("shift:1", 8), make_grid("uniform", 8));
}

TEST(Grid, RhoIsEdmsGridWithItsFirstTimeMovedToZero) {
  const std::vector<double> t = make_grid("rho:7", 5);

  // sigma_i of Karras et al. with N = 5: 80, 24.4, 5.84, 0.965, 0.0885... by their eq. 5, computed here term by term
  for (const int i : {1, 2, 3, 4}) {
    const double root = std::pow(80, 1 / 7.0) + i / 4.0 * (std::pow(0.002, 1 / 7.0) - std::pow(80, 1 / 7.0));
    EXPECT_NEAR(t[static_cast<std::size_t>(i)], 1 / (1 + std::pow(root, 7)), 1e-14);
  }
  EXPECT_NEAR(t[4], 1 / 1.002, 1e-12);
}

TEST(Grid, CosineIsDenseAtBothEnds) {
  const std::vector<double> t = make_grid("cosine", 4);

  EXPECT_NEAR(t[1], 0.5 - std::sqrt(0.125), 1e-15);
  EXPECT_NEAR(t[2], 0.5, 1e-15);
  EXPECT_NEAR(t[1] + t[3], 1, 1e-15);
}

TEST(Grid, AListIsTakenAsItIs) {
  EXPECT_EQ(make_grid("0,0.1,0.7,1", 3), (std::vector<double>{0, 0.1, 0.7, 1}));
  EXPECT_EQ(listed_steps("0,0.1,0.7,1"), 3);
  EXPECT_EQ(listed_steps("shift:3"), std::nullopt);
}

TEST(Grid, WrongListsAreUsageErrors) {
  EXPECT_NE(usage_error("0,0.5,1", 3).find("4 times"), std::string::npos);
  EXPECT_NE(usage_error("0,0.5,0.5,1", 3).find("position 2"), std::string::npos);
  EXPECT_NE(usage_error("0,0.9,0.5,1", 3).find("ascending"), std::string::npos);
  EXPECT_NE(usage_error("0.1,0.5,1", 2).find("exactly 0"), std::string::npos);
  EXPECT_NE(usage_error("0,0.5,0.9", 2).find("exactly 1"), std::string::npos);
  EXPECT_NE(usage_error("0,x,1", 2), "");
  EXPECT_NE(usage_error("0,,1", 2), "");
  EXPECT_NE(usage_error("0,nan,1", 2), "");
  EXPECT_NE(usage_error("0,0.5,1.5", 2), "");
}

TEST(Grid, UnknownNamesWrongValuesAndNoStepsAreUsageErrors) {
  EXPECT_NE(usage_error("unifrom", 4).find("did you mean 'uniform'"), std::string::npos);
  EXPECT_NE(usage_error("", 4), "");
  EXPECT_NE(usage_error("uniform:2", 4), "");
  EXPECT_NE(usage_error("shift:0", 4), "");
  EXPECT_NE(usage_error("shift:-3", 4), "");
  EXPECT_NE(usage_error("shift:", 4), "");
  EXPECT_NE(usage_error("shift:3:4", 4), "");
  EXPECT_NE(usage_error("rho:0.5", 4), "");
  EXPECT_NE(usage_error("uniform", 0), "");
  EXPECT_NE(usage_error("uniform", -3), "");
}

}  // namespace
}  // namespace pathline::solvers::test
