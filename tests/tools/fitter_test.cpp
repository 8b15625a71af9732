#include "tools/fit/fitter.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "sampling/sampler.h"
#include "tests/tools/fit_field.h"

namespace pathline::tools {
namespace {

const data::ImageShape shape{1, 4, 4};

FitSamples samples_of(std::int64_t count, std::uint64_t epoch) {
  const at::Tensor noise = sampling::generation_noise(0, 0, count, shape, at::kDouble, epoch);
  return {noise, {}, test::smooth_mixture().exact_endpoint(noise)};
}

FitProblem smooth_problem() {
  FitProblem problem;
  problem.field = test::smooth_field();
  problem.training = samples_of(24, 1);
  problem.validation = samples_of(8, 2);
  return problem;
}

TEST(FitTable, FourEvaluationsBeatTheBestKnownSolverOnNewNoise) {
  const FitProblem problem = smooth_problem();

  const FitResult result = fit_table(problem, 4);

  const FitSamples held_out = samples_of(32, 0);
  const double fitted = table_error(problem, result.table, held_out);
  for (const auto& known : {euler_table({0, 0.25, 0.5, 0.75, 1}, 0), ab2_table({0, 0.25, 0.5, 0.75, 1}, 0),
                            midpoint_table({0, 0.5, 1}, 0), heun_table({0, 0.5, 1}, 0)}) {
    EXPECT_LT(4 * fitted, table_error(problem, known, held_out));
  }
  EXPECT_TRUE(is_valid(result.table));
}

TEST(FitTable, IsNeverWorseThanAKnownSolverOnTheValidationSamples) {
  FitProblem problem = smooth_problem();
  problem.iterations = 1;

  for (const std::size_t evaluations : {1U, 2U, 3U, 5U}) {
    const FitResult result = fit_table(problem, evaluations);

    EXPECT_EQ(result.table.evaluations(), evaluations);
    EXPECT_EQ(result.validation_error, table_error(problem, result.table, problem.validation));
    EXPECT_LE(result.validation_error, result.best_baseline().validation_error) << evaluations;
  }
}

TEST(FitTable, GivesTheSameBitsAgain) {
  const FitProblem problem = smooth_problem();

  const FitResult first = fit_table(problem, 3), second = fit_table(problem, 3);

  EXPECT_EQ(to_text(first.table, {}), to_text(second.table, {}));
}

TEST(FitTable, StartingFromAFitOfOneLessIsNeverWorseThanThat) {
  const FitProblem problem = smooth_problem();
  const FitResult four = fit_table(problem, 4);

  const FitResult five = fit_table(problem, 5, &four.table);

  EXPECT_LE(five.validation_error, four.validation_error);
}

TEST(FitTable, FindsTheExactSolverOfAFieldThatHasOne) {
  // dx/dt = -x / 2 takes x_0 to exp(-1/2) x_0: a row with a_0 = exp(-1/2) and b = 0 is exact.
  FitProblem problem = smooth_problem();
  problem.field = test::fit_field([](double, const at::Tensor& y, const at::Tensor&) { return y * -0.5; });
  for (FitSamples* samples : {&problem.training, &problem.validation})
    samples->endpoint = samples->noise * std::exp(-0.5);

  const FitResult result = fit_table(problem, 1);

  EXPECT_LT(result.validation_error, 1e-6);
}

TEST(FitTable, LabelsReachTheFieldWithTheirSamples) {
  // The velocity is the label: every known solver is exact, if each copy of a sample keeps its label.
  FitProblem problem = smooth_problem();
  problem.field = test::fit_field([](double, const at::Tensor& y, const at::Tensor& labels) {
    return at::zeros_like(y) + labels.to(at::kDouble).view({-1, 1, 1, 1});
  });
  for (FitSamples* samples : {&problem.training, &problem.validation}) {
    samples->labels = at::arange(samples->noise.size(0), at::kLong);
    samples->endpoint = samples->noise + samples->labels.to(at::kDouble).view({-1, 1, 1, 1});
  }
  problem.field.batch = 5;

  const FitResult result = fit_table(problem, 3);

  EXPECT_LT(result.validation_error, 1e-6);
}

}  // namespace
}  // namespace pathline::tools
