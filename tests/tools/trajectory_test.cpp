#include "tools/fit/trajectory.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "sampling/sampler.h"
#include "tests/tools/fit_field.h"

namespace pathline::tools {
namespace {

FitSamples samples_of(std::int64_t count) {
  const at::Tensor noise = sampling::generation_noise(0, 0, count, {1, 4, 4}, at::kDouble);
  return {noise, {}, test::smooth_mixture().exact_endpoint(noise)};
}

/// Rows that no known method has: every number matters.
SolverTable uneven_table() {
  return {{0, 0.3, 0.55, 1}, {0.9, 1.1, 1.05}, {{0.35}, {0.2, 0.3}, {0.3, -0.1, 0.7}}};
}

at::Tensor endpoint(const FitField& field, const SolverTable& table, const FitSamples& samples) {
  return follow(field, table, samples).states.back();
}

TEST(Trajectory, FollowsTheTableRowByRow) {
  const FitField field = test::smooth_field();
  const FitSamples samples = samples_of(3);

  const Trajectory path = follow(field, uneven_table(), samples);

  const at::Tensor &x0 = samples.noise, u0 = test::smooth_mixture().velocity(0, x0);
  const at::Tensor u1 = test::smooth_mixture().velocity(0.3, 0.9 * x0 + 0.35 * u0);
  ASSERT_EQ(path.states.size(), 4U);
  EXPECT_TRUE(at::allclose(path.states[2], 1.1 * x0 + 0.2 * u0 + 0.3 * u1, 0, 1e-12));
}

TEST(Trajectory, TheBatchDoesNotMatter) {
  FitField field = test::smooth_field();
  const FitSamples samples = samples_of(5);
  const at::Tensor whole = endpoint(field, uneven_table(), samples);

  field.batch = 2;

  EXPECT_TRUE(at::equal(endpoint(field, uneven_table(), samples), whole));
}

TEST(EndpointGradient, IsWhatCentralDifferencesGive) {
  FitField field = test::smooth_field();
  field.batch = 3;
  const FitSamples samples = samples_of(4);
  SolverTable table = uneven_table();
  const at::Tensor cotangent = sampling::generation_noise(1, 0, 4, {1, 4, 4}, at::kDouble);

  const auto gradient = endpoint_gradient(field, table, samples, follow(field, table, samples), cotangent);

  const auto unknowns = unknowns_of(table);
  ASSERT_EQ(gradient.size(), unknowns.size() - last_row_unknowns(table));
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    constexpr double h = 1e-5;
    double& number = number_at(table, unknowns[p]);
    const double middle = number;
    number = middle + h;
    const at::Tensor above = endpoint(field, table, samples);
    number = middle - h;
    const at::Tensor below = endpoint(field, table, samples);
    number = middle;
    const double wanted = ((above - below) * cotangent).sum().item<double>() / (2 * h);
    EXPECT_NEAR(gradient[p], wanted, 1e-6 * (1 + std::abs(wanted))) << p;
  }
}

TEST(EndpointJacobian, AgreesWithTheGradientAndKnowsTheLastRowExactly) {
  const FitField field = test::smooth_field();
  const FitSamples samples = samples_of(4);
  const SolverTable table = uneven_table();
  const Trajectory path = follow(field, table, samples);
  const at::Tensor cotangent = sampling::generation_noise(1, 0, 4, {1, 4, 4}, at::kDouble);

  const at::Tensor slope = endpoint_jacobian(field, table, samples, path);

  const at::Tensor pulled = at::mv(slope.flatten(0, 1).t(), cotangent.flatten());
  const auto gradient = endpoint_gradient(field, table, samples, path, cotangent);
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    // Forward differences with a step of 1e-2: a per cent or so.
    EXPECT_NEAR(pulled[static_cast<std::int64_t>(p)].item<double>(), gradient[p], 0.03 * (1 + std::abs(gradient[p])))
        << p;
  }
  EXPECT_TRUE(at::equal(slope.select(2, slope.size(2) - 4), samples.noise.flatten(1)));
  EXPECT_TRUE(at::equal(slope.select(2, slope.size(2) - 1), path.velocities[2].flatten(1)));
}

TEST(FitSamples, SomeAreSpreadOverAll) {
  FitSamples samples = samples_of(7);
  samples.labels = at::arange(7, at::kLong);

  const FitSamples some = samples.some(1, 2, 5);

  EXPECT_TRUE(at::equal(some.labels, at::tensor({1, 3, 5}, at::kLong)));
  EXPECT_TRUE(at::equal(some.noise[1], samples.noise[3]));
  EXPECT_EQ(samples.some(0, 3, 2).count(), 2);
}

}  // namespace
}  // namespace pathline::tools
