// Errors and orders of the shipped solvers on the smooth closed-form mixture, against the exact endpoint and against
// other programs. The figures of other programs: torchdiffeq 0.2.5 and SciPy 1.17.1 on the same 4096 starting points,
// float64.

#include <gtest/gtest.h>

#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

EndpointError run(const std::string& solver, const IntegrateOptions& options, IntegrateResult* result = nullptr) {
  at::Tensor y = mixture_start();
  const IntegrateResult outcome = integrate(*find_solver(solver), y, Mixture::field, options);
  EXPECT_EQ(outcome.status, Status::done) << outcome.message;
  if (result) *result = outcome;
  return endpoint_error(y);
}

struct FixedRow {
  int steps;
  double rms, max;
};

void expect_table(const std::string& solver, const std::vector<FixedRow>& rows) {
  constexpr double three_digits = 5e-4;
  for (const FixedRow& row : rows) {
    const EndpointError error = run(solver, uniform(row.steps));
    EXPECT_NEAR(error.rms / row.rms, 1, three_digits) << solver << " at " << row.steps;
    EXPECT_NEAR(error.max / row.max, 1, three_digits) << solver << " at " << row.steps;
  }
}

TEST(Accuracy, EulerHasTheErrorsOfTheTable) {
  expect_table("euler", {{8, 1.5502e-01, 4.8451e-01},
                         {16, 7.9409e-02, 2.5006e-01},
                         {32, 4.0235e-02, 1.2718e-01},
                         {64, 2.0258e-02, 6.4156e-02},
                         {128, 1.0165e-02, 3.2222e-02}});
}

TEST(Accuracy, HeunHasTheErrorsOfTheTable) {
  expect_table("heun", {{8, 2.5898e-03, 5.4218e-03},
                        {16, 5.7529e-04, 1.6803e-03},
                        {32, 1.3730e-04, 4.7533e-04},
                        {64, 3.3693e-05, 1.2573e-04},
                        {128, 8.3566e-06, 3.2292e-05}});
}

TEST(Accuracy, MidpointHasTheErrorsOfTheTable) {
  expect_table("midpoint", {{8, 1.5173e-03, 3.9792e-03},
                            {16, 3.8791e-04, 1.0098e-03},
                            {32, 9.8098e-05, 2.5485e-04},
                            {64, 2.4670e-05, 6.4040e-05},
                            {128, 6.1861e-06, 1.6052e-05}});
}

TEST(Accuracy, RungeKutta4HasTheErrorsOfTheTable) {
  expect_table("rk4", {{8, 1.0046e-05, 2.0081e-05},
                       {16, 6.4170e-07, 1.2775e-06},
                       {32, 4.0278e-08, 7.8637e-08},
                       {64, 2.5159e-09, 4.8425e-09},
                       {128, 1.5706e-10, 2.9982e-10}});
}

TEST(Accuracy, EveryFixedStepSolverIsOfItsOrder) {
  for (const std::string& name : fixed_step_solvers) {
    const double slope = std::log2(run(name, uniform(64)).rms / run(name, uniform(128)).rms);

    EXPECT_NEAR(slope, find_solver(name)->info().order, 0.1) << name;
  }
}

TEST(Accuracy, TheClassicalRuleOfRungeKutta4IsOfFourthOrderToo) {
  IntegrateOptions coarse = uniform(32), fine = uniform(64);
  coarse.parameters = fine.parameters = {{"rule", 1}};

  EXPECT_NEAR(std::log2(run("rk4", coarse).rms / run("rk4", fine).rms), 4, 0.1);
}

/// Steps that grow and shrink: a multistep method with the weights of even steps falls to first order here.
TEST(Accuracy, AdamsBashforthKeepsItsOrderOnUnevenGrids) {
  const auto uneven = [](int steps) {
    IntegrateOptions options;
    for (int i = 0; i <= steps; ++i) {
      options.grid.push_back((i + (i % 2 == 1 ? 0.4 : 0.0)) / steps);
    }
    return options;
  };

  const double slope = std::log2(run("ab2", uneven(128)).rms / run("ab2", uneven(256)).rms);

  EXPECT_NEAR(slope, 2, 0.1);
}

/// Step control out of the way: every error is small enough, and no step may be larger than 1/steps.
IntegrateOptions equal_steps(int steps) {
  IntegrateOptions options;
  options.grid = {0, 1};
  options.rtol = options.atol = 1e6;
  options.parameters = {{"first_step", 1.0 / steps}, {"max_step", 1.0 / steps}};
  return options;
}

TEST(Accuracy, DormandPrinceAndBogackiShampineAreOfTheirOrder) {
  for (const std::string name : {"bosh3", "dopri5"}) {
    IntegrateResult coarse, fine;

    const double coarse_error = run(name, equal_steps(32), &coarse).rms;
    const double fine_error = run(name, equal_steps(64), &fine).rms;

    EXPECT_EQ(coarse.accepted, 32u) << name;
    EXPECT_EQ(fine.accepted, 64u) << name;
    EXPECT_NEAR(std::log2(coarse_error / fine_error), find_solver(name)->info().order, 0.2) << name;
  }
}

/// y' = y cos t, y = exp(sin t). (On the mixture the leading error of tsit5 is so small that the next term still rules
/// at 64 steps.)
TEST(Accuracy, TsitourasIsOfFifthOrder) {
  const VelocityField field = field_of([](double t, const at::Tensor& y) { return y * std::cos(t); });
  const auto error = [&](int steps) {
    at::Tensor y = at::ones({1, 1}, at::kDouble);
    const IntegrateResult result = integrate(*find_solver("tsit5"), y, field, equal_steps(steps));
    EXPECT_EQ(result.accepted, static_cast<std::uint64_t>(steps)) << result.message;
    return std::fabs(y.item<double>() - std::exp(std::sin(1.0)));
  };

  EXPECT_NEAR(std::log2(error(32) / error(64)), 5, 0.2);
}

/// The reported error of one step falls as h^(q + 1), q the order of the estimate.
TEST(Accuracy, EveryErrorEstimateIsOfItsOrder) {
  for (const std::string& name : adaptive_solvers) {
    double tolerances[2];
    for (const int halvings : {0, 1}) {
      // The largest tolerance at which a first step of this size is refused, by bisection.
      const double h = 0.1 / (1 << halvings);
      double low = 1e-14, high = 1;
      for (int i = 0; i < 40; ++i) {
        IntegrateOptions options;
        options.grid = {0, 1};
        options.rtol = 0;
        options.atol = std::sqrt(low * high);
        options.batch_norm = true;
        options.parameters = {{"first_step", h}};
        bool refused = false;
        options.on_step = [&](double, double, bool accepted) { return refused = !accepted, false; };
        at::Tensor y = mixture_start().slice(0, 0, 4096, 64).clone();
        integrate(*find_solver(name), y, Mixture::field, options);
        (refused ? low : high) = options.atol;
      }
      tolerances[halvings] = low;
    }

    EXPECT_NEAR(std::log2(tolerances[0] / tolerances[1]), find_solver(name)->info().embedded_order + 1, 0.3) << name;
  }
}

struct AdaptiveRow {
  double tolerance, evaluations, rms;
};

void expect_peer(bool shampine, const std::vector<AdaptiveRow>& rows) {
  for (const AdaptiveRow& row : rows) {
    IntegrateResult result;
    const EndpointError error = run("dopri5", peer_settings(row.tolerance, shampine), &result);
    EXPECT_NEAR(static_cast<double>(result.evaluations) / row.evaluations, 1, 0.2) << "at " << row.tolerance;
    EXPECT_LT(error.rms, 3 * row.rms) << "at " << row.tolerance;
    EXPECT_GT(error.rms, row.rms / 3) << "at " << row.tolerance;
    EXPECT_LE(result.largest_t, 1.0);
  }
}

TEST(Accuracy, DormandPrinceWorksAsHardAsSciPyForTheSameError) {
  expect_peer(false, {{1e-3, 32, 4.177e-03},
                      {1e-4, 26, 1.357e-03},
                      {1e-5, 38, 3.782e-05},
                      {1e-6, 56, 4.780e-07},
                      {1e-7, 80, 2.819e-08},
                      {1e-8, 116, 2.499e-09}});
}

TEST(Accuracy, DormandPrinceWithShampinesEstimateWorksAsHardAsTorchdiffeq) {
  expect_peer(true, {{1e-3, 14, 2.391e-02},
                     {1e-4, 26, 1.307e-03},
                     {1e-5, 44, 4.208e-05},
                     {1e-6, 56, 1.390e-06},
                     {1e-7, 74, 1.067e-07},
                     {1e-8, 110, 5.596e-09}});
}

TEST(Accuracy, ErrorFallsWithTheTolerance) {
  for (const std::string& name : adaptive_solvers) {
    IntegrateOptions loose, tight;
    loose.grid = tight.grid = {0, 1};
    loose.rtol = loose.atol = 1e-4;
    tight.rtol = tight.atol = 1e-8;

    const double loose_error = run(name, loose).max, tight_error = run(name, tight).max;

    EXPECT_LT(loose_error, 1e-3) << name;
    EXPECT_LT(tight_error, 1e-7) << name;
  }
}

TEST(Accuracy, Float32StatesReachFloat32Accuracy) {
  at::Tensor y = mixture_start().to(at::kFloat);

  integrate(*find_solver("heun"), y, Mixture::field, uniform(128));

  EXPECT_NEAR(endpoint_error(y).rms / 8.3566e-06, 1, 0.01);
}

TEST(Accuracy, ForwardAndBackwardReturnsToTheStart) {
  at::Tensor y = mixture_start();
  IntegrateOptions options;
  options.rtol = options.atol = 1e-9;
  const auto solver = find_solver("dopri5");

  options.grid = {0, 1};
  integrate(*solver, y, Mixture::field, options);
  options.grid = {1, 0};
  const IntegrateResult back = integrate(*solver, y, Mixture::field, options);

  EXPECT_EQ(back.t_final, 0.0);
  EXPECT_LT((y - mixture_start()).abs().max().item<double>(), 1e-7);
}

TEST(Accuracy, TheMaximumNormHoldsTheWorstSampleBack) {
  IntegrateOptions per_sample, batch;
  per_sample.grid = batch.grid = {0, 1};
  per_sample.rtol = per_sample.atol = batch.rtol = batch.atol = 1e-4;
  batch.batch_norm = true;

  IntegrateResult careful, diluted;
  const EndpointError careful_error = run("dopri5", per_sample, &careful),
                      diluted_error = run("dopri5", batch, &diluted);

  EXPECT_LT(careful_error.max, diluted_error.max);
  EXPECT_GE(careful.evaluations, diluted.evaluations);
}

}  // namespace
}  // namespace pathline::solvers::test
