#include "data/sources/toy_source.h"

#include <cmath>

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

/// Every row of a density, with the label in third place.
std::vector<std::array<double, 3>> rows_of(const std::string& density, std::uint64_t count = 20000,
                                           std::uint64_t seed = 0) {
  ToySource source(density, count, seed);
  std::vector<std::array<double, 3>> rows;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto point = floats_of_sample(source, i);
    rows.push_back({point[0], point[1], static_cast<double>(read_sample(source, i).label)});
  }
  return rows;
}

TEST(ToySource, ARowDependsOnSeedAndNumberOnly) {
  for (const std::string& density : ToySource::densities()) {
    ToySource few(density, 3, 7), many(density, 100, 7), other(density, 3, 8);

    EXPECT_EQ(floats_of_sample(few, 2), floats_of_sample(many, 2)) << density;
    EXPECT_NE(floats_of_sample(few, 2), floats_of_sample(other, 2)) << density;
    EXPECT_NE(floats_of_sample(few, 1), floats_of_sample(few, 2)) << density;
  }
}

TEST(ToySource, EightGaussiansLieOnACircleOfRadiusFive) {
  std::array<int, 8> counts{};
  double square = 0;
  for (const auto& [x, y, label] : rows_of("8gaussians")) {
    const double dx = x - 5 * std::cos(label * M_PI / 4), dy = y - 5 * std::sin(label * M_PI / 4);
    square += dx * dx + dy * dy;
    ++counts[static_cast<std::size_t>(label)];
  }

  EXPECT_NEAR(square / 40000, 0.1, 0.004);  // variance per coordinate, five standard errors
  for (const int count : counts) EXPECT_NEAR(count, 2500, 5 * 47);
}

TEST(ToySource, CheckerboardFillsHalfOfItsSquares) {
  for (const auto& [x, y, label] : rows_of("checkerboard")) {
    ASSERT_LE(std::max(std::abs(x), std::abs(y)), 4.0001);
    const int square = static_cast<int>(std::floor(x / 2)) + static_cast<int>(std::floor(y / 2));
    ASSERT_EQ(square % 2, 0) << x << ", " << y;
    ASSERT_EQ(label, -1);
  }
}

TEST(ToySource, MoonsAreTwoHalfCircles) {
  double worst = 0, square = 0;
  for (const auto& [x, y, label] : rows_of("moons")) {
    const double px = (x + 1) / 3, py = (y + 1) / 3;
    const double radius = label == 0 ? std::hypot(px, py) : std::hypot(px - 1, py - 0.5);
    worst = std::max(worst, std::abs(radius - 1));
    square += (radius - 1) * (radius - 1);
  }

  EXPECT_LT(worst, 1.2);  // six deviations of the noise
  EXPECT_NEAR(std::sqrt(square / 20000), 0.2, 0.02);
}

TEST(ToySource, SpiralsAreOneArmTurnedByHalfACircle) {
  std::array<double, 2> mean{}, largest{};
  for (const auto& [x, y, label] : rows_of("spirals")) {
    const auto arm = static_cast<std::size_t>(label);
    mean[arm] += (arm == 0 ? x : -x) / 10000;
    largest[arm] = std::max(largest[arm], std::hypot(x, y));
  }

  EXPECT_NEAR(mean[0], mean[1], 0.15);
  for (const double radius : largest) EXPECT_NEAR(radius, M_PI, 0.7);
}

}  // namespace
}  // namespace pathline::data
