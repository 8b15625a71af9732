// What the host counts and checks during an integration, and what the shipped solvers do at the edges of their
// interval.

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

at::Tensor ones(std::int64_t count = 4) {
  return at::ones({count, 3}, at::kDouble);
}
const VelocityField decay = field_of([](double, const at::Tensor& y) { return -y; });
const VelocityField straight = field_of([](double, const at::Tensor& y) { return at::full_like(y, 2.0); });

IntegrateOptions interval(double from, double to, double tolerance = 1e-6) {
  IntegrateOptions options;
  options.grid = {from, to};
  options.rtol = options.atol = tolerance;
  return options;
}

TEST(Counting, EulerAsksOncePerStepAndNeverAtTheEnd) {
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*find_solver("euler"), y, decay, uniform(8));

  EXPECT_EQ(result.evaluations, 8u);
  EXPECT_EQ(result.accepted, 8u);
  EXPECT_EQ(result.smallest_t, 0.0);
  EXPECT_EQ(result.largest_t, 0.875);
  EXPECT_EQ(result.t_final, 1.0);
}

TEST(Counting, HeunAsksTwicePerStepAndEndsAtTheEnd) {
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*find_solver("heun"), y, decay, uniform(7));

  EXPECT_EQ(result.evaluations, 14u);
  EXPECT_EQ(result.largest_t, 1.0);
}

TEST(Counting, AdamsBashforthAsksOncePerStepAndOnceMoreInTheFirst) {
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*find_solver("ab2"), y, decay, uniform(8));

  EXPECT_EQ(result.evaluations, 9u);
  EXPECT_EQ(result.accepted, 8u);
  EXPECT_EQ(result.largest_t, 0.875);
}

TEST(Counting, RungeKutta4AsksFourTimesPerStepAndEndsAtTheEnd) {
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*find_solver("rk4"), y, decay, uniform(49));

  EXPECT_EQ(result.evaluations, 196u);
  EXPECT_EQ(result.largest_t, 1.0);
}

TEST(Counting, AnAdaptiveSolverDoesNotPayForTheStageItAlreadyHas) {
  for (const std::string& name : adaptive_solvers) {
    at::Tensor y = mixture_start();
    const auto solver = find_solver(name);

    const IntegrateResult result = integrate(*solver, y, Mixture::field, interval(0, 1));

    const auto attempts = static_cast<double>(result.accepted + result.rejected);
    EXPECT_EQ(static_cast<double>(result.evaluations), 2 + solver->info().evaluations_per_step * attempts) << name;
    EXPECT_EQ(result.largest_t, 1.0) << name;
  }
}

TEST(Counting, DormandPrinceAsksSixTimesPerAttemptAndTwiceAtTheStart) {
  at::Tensor y = mixture_start();

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, Mixture::field, interval(0, 1));

  EXPECT_GT(result.accepted, 3u);
  EXPECT_EQ(result.evaluations, 2 + 6 * (result.accepted + result.rejected));
  EXPECT_EQ(result.largest_t, 1.0);
  EXPECT_EQ(result.smallest_t, 0.0);
}

TEST(Counting, AGivenFirstStepSavesAnEvaluation) {
  at::Tensor y = ones();
  IntegrateOptions options = interval(0, 1);
  options.parameters["first_step"] = 0.1;

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, decay, options);

  EXPECT_EQ(result.evaluations, 1 + 6 * (result.accepted + result.rejected));
}

TEST(Counting, AStraightFieldIsExactAndNeverAskedBeyondTheEnd) {
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, straight, interval(0, 1, 1e-5));

  EXPECT_LE(result.evaluations, 2u + 6 * 4);
  EXPECT_EQ(result.rejected, 0u);
  EXPECT_LE(result.largest_t, 1.0);
  EXPECT_LT((y - 3).abs().max().item<double>(), 1e-14);
}

TEST(Counting, TimeInTheFieldIsToldFromTimeInTheSolver) {
  at::Tensor y = ones();
  const VelocityField slow = [](double, const at::Tensor& state, at::Tensor& out) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
    while (std::chrono::steady_clock::now() < until) {
    }
    out.copy_(state);
  };

  const IntegrateResult result = integrate(*find_solver("euler"), y, slow, uniform(4));

  EXPECT_GE(result.field_seconds, 0.02);
  EXPECT_GE(result.seconds, result.field_seconds);
}

TEST(Interval, AnAwkwardEndIsReachedBitForBit) {
  for (const double end : {0.1, 1.0 / 3, 0.7, 1.0 - 1e-9, 3.14159}) {
    at::Tensor y = ones();
    double last = -1;
    IntegrateOptions options = interval(0.05, end, 1e-8);
    options.on_step = [&](double t, double, bool accepted) {
      if (accepted) last = t;
      return true;
    };

    const IntegrateResult result = integrate(*find_solver("dopri5"), y, decay, options);

    EXPECT_EQ(result.status, Status::done) << result.message;
    EXPECT_EQ(last, end);
    EXPECT_EQ(result.t_final, end);
    EXPECT_EQ(result.largest_t, end);
  }
}

TEST(Interval, NoTinyStepIsLeftForTheEnd) {
  at::Tensor y = ones();
  IntegrateOptions options = interval(0, 1);
  options.parameters = {{"first_step", 0.1}, {"max_step", 0.1}};  // ten times 0.1 is not 1 in floating point
  double shortest = 1;
  options.on_step = [&](double, double h, bool) { return shortest = std::min(shortest, h), true; };

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, decay, options);

  EXPECT_EQ(result.accepted, 10u);
  EXPECT_GT(shortest, 0.09);
}

TEST(Interval, DescendingGridsWorkForAllShippedSolvers) {
  for (const std::string& name : shipped_solvers()) {
    at::Tensor y = ones();
    IntegrateOptions options = interval(1, 0, 1e-10);
    if (!find_solver(name)->info().adaptive) {
      options.grid = make_grid("uniform", 512);
      std::reverse(options.grid.begin(), options.grid.end());
    }

    const IntegrateResult result = integrate(*find_solver(name), y, decay, options);

    EXPECT_EQ(result.status, Status::done) << result.message;
    EXPECT_EQ(result.t_final, 0.0);
    EXPECT_GE(result.smallest_t, 0.0);
    EXPECT_NEAR(y[0][0].item<double>(), std::exp(1.0), name == "euler" ? 3e-3 : 5e-6);
  }
}

TEST(Interval, UnevenGridsAreFollowed) {
  at::Tensor y = ones();
  IntegrateOptions options;
  options.grid = {0, 0.1, 0.15, 0.9, 1};
  std::vector<double> times;
  options.on_step = [&](double t, double, bool) { return times.push_back(t), true; };

  integrate(*find_solver("heun"), y, decay, options);

  EXPECT_EQ(times, (std::vector<double>{0.1, 0.15, 0.9, 1}));
}

TEST(Interval, AGridOfOneTimeIsNothingToDo) {
  for (const std::string& name : shipped_solvers()) {
    at::Tensor y = ones();
    IntegrateOptions options;
    options.grid = {0.5};

    const IntegrateResult result = integrate(*find_solver(name), y, decay, options);

    EXPECT_EQ(result.status, Status::done);
    EXPECT_EQ(result.evaluations, 0u);
    EXPECT_TRUE(at::equal(y, ones()));
  }
}

TEST(Interval, AskingOutsideEndsWithHostError) {
  const auto outsider =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        pathline_vector* k = host->clone(host, y);
        const pathline_status status = host->rhs(host, problem->t[problem->steps] + 1e-15, y, k);
        host->release(host, k);
        return status;
      });
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*outsider, y, decay, interval(0, 1));

  EXPECT_EQ(result.status, Status::host_error);
  EXPECT_EQ(result.evaluations, 0u);
  EXPECT_NE(result.message.find("outside [0, 1]"), std::string::npos) << result.message;
}

TEST(Interval, ASolverThatStopsShortIsNotBelieved) {
  const auto lazy = solver_of([](void*, const pathline_host*, const pathline_problem*,
                                 pathline_vector*) -> pathline_status { return PATHLINE_OK; });
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*lazy, y, decay, interval(0, 1));

  EXPECT_EQ(result.status, Status::host_error);
  EXPECT_EQ(result.t_final, 0.0);
}

TEST(Samples, ASampleEndsTheSameAtAnyPlaceInABatchOfEqualShape) {
  const at::Tensor start = mixture_start().to(at::kFloat).reshape({4, 1024});
  const at::Tensor other = at::roll(start, 1, 0);
  for (const std::string& name : fixed_step_solvers) {
    at::Tensor a = start.clone(), b = other.clone();

    integrate(*find_solver(name), a, Mixture::field, uniform(16));
    integrate(*find_solver(name), b, Mixture::field, uniform(16));

    EXPECT_TRUE(at::equal(at::roll(a, 1, 0), b)) << name;
  }
}

/// The mixture field works element by element, so that nothing but the solver could mix samples. A network's own sums
/// may depend on the batch.
TEST(Samples, WithFixedStepsASampleEndsTheSameAloneAndInAnyBatch) {
  const at::Tensor start = mixture_start().to(at::kFloat).reshape({64, 64});
  for (const std::string& name : fixed_step_solvers) {
    at::Tensor batch = start.clone(), alone = start.slice(0, 17, 18).clone();

    integrate(*find_solver(name), batch, Mixture::field, uniform(7));
    integrate(*find_solver(name), alone, Mixture::field, uniform(7));

    EXPECT_TRUE(at::equal(batch.slice(0, 17, 18), alone)) << name;
  }
}

TEST(Samples, TheMaximumNormMakesABatchAtLeastAsCarefulAsItsWorstSampleAlone) {
  const at::Tensor start = mixture_start().reshape({4096, 1});
  const IntegrateOptions options = interval(0, 1, 1e-5);
  for (const std::string& name : adaptive_solvers) {
    at::Tensor batch = start.clone();
    integrate(*find_solver(name), batch, Mixture::field, options);
    for (const std::int64_t i : {0, 1000, 1638, 4095}) {
      at::Tensor alone = start.slice(0, i, i + 1).clone();

      integrate(*find_solver(name), alone, Mixture::field, options);

      EXPECT_NEAR(alone.item<double>(), batch[i].item<double>(), 1e-4) << name << ", sample " << i;
    }
  }
}

TEST(Samples, DuplicatingTheBatchChangesNoStep) {
  const at::Tensor start = mixture_start().reshape({4096, 1}).slice(0, 0, 64).contiguous();
  at::Tensor once = start.clone(), twice = at::cat({start, start});

  const IntegrateResult a = integrate(*find_solver("dopri5"), once, Mixture::field, interval(0, 1));
  const IntegrateResult b = integrate(*find_solver("dopri5"), twice, Mixture::field, interval(0, 1));

  EXPECT_EQ(a.evaluations, b.evaluations);
  EXPECT_TRUE(at::equal(once, twice.slice(0, 0, 64)));
}

TEST(Fields, AFieldMaySetItsOutputToATensorOfItsOwn) {
  at::Tensor expected = ones(), y = ones(), buffer = at::empty_like(y);
  const VelocityField rebinding = [&](double, const at::Tensor& state, at::Tensor& out) {
    buffer.copy_(-state);
    out = buffer;  // always the same memory: the host must copy, or both slopes of Heun would be one
  };

  integrate(*find_solver("heun"), expected, decay, uniform(4));
  integrate(*find_solver("heun"), y, rebinding, uniform(4));

  EXPECT_TRUE(at::equal(y, expected));
}

TEST(Determinism, TwoRunsGiveTheSameBits) {
  at::Tensor a = mixture_start(), b = mixture_start();

  integrate(*find_solver("dopri5"), a, Mixture::field, interval(0, 1));
  integrate(*find_solver("dopri5"), b, Mixture::field, interval(0, 1));

  EXPECT_TRUE(at::equal(a, b));
}

TEST(Options, ParametersOutOfRangeUnknownOrFractionalAreUsageErrors) {
  const auto solver = find_solver("dopri5");
  for (const Parameters& parameters :
       {Parameters{{"controller", 2}}, {{"first_stop", 1}}, {{"max_attempts", 1.5}}, {{"max_step", -1}}}) {
    at::Tensor y = ones();
    IntegrateOptions options = interval(0, 1);
    options.parameters = parameters;
    try {
      integrate(*solver, y, decay, options);
      ADD_FAILURE() << "accepted " << parameters.begin()->first;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      EXPECT_NE(std::string(error.what()).find(parameters.begin()->first), std::string::npos) << error.what();
    }
  }
}

TEST(Options, FaultyGridsTolerancesAndStatesAreUsageErrors) {
  const auto expect_usage = [](const IntegrateOptions& options, at::Tensor y) {
    try {
      integrate(*find_solver("dopri5"), y, decay, options);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
    }
  };
  IntegrateOptions grid = interval(0, 1);
  for (const std::vector<double>& times : {std::vector<double>{}, {0, 0}, {0, 1, 0.5}, {0, NAN}, {1, 0.2, 0.3}}) {
    grid.grid = times;
    expect_usage(grid, ones());
  }
  expect_usage(interval(0, 1, 0), ones());
  expect_usage(interval(0, 1, -1), ones());
  expect_usage(interval(0, 1), ones().to(at::kHalf));
  expect_usage(interval(0, 1), at::empty({0, 3}, at::kDouble));
  expect_usage(interval(0, 1), at::ones({4, 4}, at::kDouble).slice(1, 0, 2));
}

TEST(Options, MoreFixedStepsThanEvaluationsAllowedIsSaidBeforehand) {
  at::Tensor y = ones();
  IntegrateOptions options = uniform(10);
  options.max_evaluations = 19;

  EXPECT_THROW(integrate(*find_solver("heun"), y, decay, options), Error);
}

TEST(Options, ASolverForAscendingGridsRefusesADescendingOne) {
  const auto solver = find_solver(PATHLINE_TEST_PLUGIN_DIR "/several.so#plain");
  at::Tensor y = ones();

  EXPECT_THROW(integrate(*solver, y, decay, interval(1, 0)), Error);
}

}  // namespace
}  // namespace pathline::solvers::test
