// Times: where the field is asked, which steps are reported, how often it is evaluated.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "core/random.h"
#include "solvers/conformance/check.h"

namespace pathline::solvers::conformance {
namespace {

const char* const end_advice = "take the end of a step from the grid, t[i + 1]; t + h may lie one rounding beyond it";

/// Whether a solver that adds up step sizes, instead of taking times from the grid, ends beyond the grid's end.
bool overshoots(const std::vector<double>& grid) {
  volatile double t = grid.front();  // as a double, whatever the compiler would like to keep
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) t = t + (grid[i + 1] - grid[i]);
  return grid.back() > grid.front() ? t > grid.back() : t < grid.back();
}

/// A few such grids between a and b.
std::vector<std::vector<double>> treacherous_grids(double a, double b) {
  constexpr std::size_t enough = 4;
  RandomStream random(7, Purpose::time, 0, 0);
  std::vector<std::vector<double>> grids;
  for (int attempt = 0; attempt < 500 && grids.size() < enough; ++attempt) {
    const double from = a + 0.4 * (b - a) * random.uniform(), to = b - 0.4 * (b - a) * random.uniform();
    auto grid = grid_of(from, to, 1 + attempt % 9);
    if (overshoots(grid)) grids.push_back(std::move(grid));
  }
  return grids;
}

/// A straight way: adaptive solvers take the longest steps they can.
Problem straight() {
  return {"y' = 1", [](double, const State&, State& out) { std::fill(out.begin(), out.end(), 1.0); },
          [](double t) {
            return State{t, t + 1};
          }};
}

void require_times_in_their_steps(const Run& result, const std::vector<double>& grid) {
  for (const StrictHost::Evaluation& evaluation : result.host->times()) {
    if (evaluation.steps_before + 1 >= grid.size()) continue;
    const double a = grid[evaluation.steps_before], b = grid[evaluation.steps_before + 1];
    const double slack = 1e-9 * std::fabs(b - a);
    require(evaluation.t >= std::min(a, b) - slack && evaluation.t <= std::max(a, b) + slack,
            fmt::format("in the step from t = {:.9g} to {:.9g} the field was asked at t = {:.9g}", a, b, evaluation.t),
            "stages lie inside their step");
  }
}

}  // namespace

std::string check_one_step(const SolverUnderTest& subject) {
  const Problem problem = growth_in_waves();
  const double h = 0.01;
  const Run result = run_well(subject, problem, {0.3, 0.3 + h});
  require(!result.host->steps().empty(), "no step was reported", "call step_done after every attempted step");
  if (!subject.info().adaptive && !subject.configured_by_file) {
    require(result.host->accepted() == 1,
            fmt::format("{} steps were reported for one interval", result.host->accepted()),
            "a fixed-step solver takes one step per interval");
  }
  if (subject.info().stochastic) return "ends well";
  const State start = problem.exact(0.3), exact = problem.exact(0.3 + h);
  const double error = largest_error(result.y, exact), way = largest_error(start, exact);
  require(error < 0.1 * way,
          fmt::format("after one step of {} the error is {:.3g}, the way itself {:.3g}", h, error, way),
          "y is advanced in place from t[0] to t[1]");
  return fmt::format("error {:.1e} after one step of {}", error, h);
}

std::string check_empty_grid(const SolverUnderTest& subject) {
  const Problem problem = growth_in_waves();
  const Run result = run_well(subject, problem, {0.5});
  require(result.host->evaluations() == 0 && result.host->steps().empty(),
          fmt::format("{} evaluations and {} steps for a grid without intervals", result.host->evaluations(),
                      result.host->steps().size()),
          "return PATHLINE_OK at once when problem->steps is 0; t[1] does not exist");
  require(result.y == problem.exact(0.5), "y was changed", "leave y alone when problem->steps is 0");
  return "nothing is done";
}

std::string check_stage_times(const SolverUnderTest& subject) {
  const double end = end_of_time(subject);
  std::vector<std::vector<double>> grids = {grid_of(0, end, 5), grid_of(0, end, 4, 1.7)};
  const auto add_treacherous = [&](double a, double b) {
    for (auto& grid : treacherous_grids(a, b)) grids.push_back(std::move(grid));
  };
  add_treacherous(0, end);
  if (!subject.info().stochastic) add_treacherous(-1, 1);  // here t + h of a single step can miss
  if (subject.info().descending) {
    grids.push_back(grid_of(end, 0, 5, 1.7));
    add_treacherous(end, 0);
  }
  std::uint64_t times = 0;
  for (const auto& grid : grids) {
    for (const Problem& problem : {straight(), varying_logistic()}) {
      for (const double tolerance : {1e-2, 1e-6}) {
        const Run result = run(subject, problem, grid, tolerance);
        require(result.host->breach().empty(), result.host->breach(), end_advice);
        require(result.status == PATHLINE_OK, "integrate returned " + name_of(result.status),
                "this problem is harmless");
        if (!subject.info().adaptive && !subject.configured_by_file) require_times_in_their_steps(result, grid);
        times += result.host->evaluations();
      }
    }
  }
  return fmt::format("{} evaluations on {} grids, all inside", times, grids.size());
}

std::string check_steps_reported(const SolverUnderTest& subject) {
  const double end = end_of_time(subject);
  const auto grid = grid_of(0, end, 12, 1.3);
  const Run result = run_well(subject, varying_logistic(), grid);
  const auto& steps = result.host->steps();
  require(!steps.empty() && steps.back().accepted, "the last step was not reported",
          "call step_done after every attempted step");
  require(steps.back().t == end,
          fmt::format("the last step was reported at t = {:.17g}, the grid ends at {:.17g}", steps.back().t, end),
          end_advice);
  double t = grid.front();
  for (const StrictHost::Step& step : steps) {
    const double expected = step.accepted ? t + step.h : t;
    require(std::fabs(step.t - expected) <= 1e-9,
            fmt::format("a step of {:.9g} from t = {:.9g} was reported as {} at t = {:.9g}", step.h, t,
                        step.accepted ? "accepted" : "rejected", step.t),
            "report (t, h) of the step itself: t after it if accepted, t before it if rejected");
    t = step.t;
  }
  require(result.y == result.host->last_accepted(), "y is not the state of the last reported step",
          "step_done gets the state that was reached, and y must hold the same one at the end");
  if (subject.info().adaptive || subject.configured_by_file) {
    return fmt::format("{} steps, the last one to the end exactly", steps.size());
  }
  require(steps.size() == grid.size() - 1,
          fmt::format("{} steps were reported for {} intervals", steps.size(), grid.size() - 1),
          "a fixed-step solver takes one step per interval, all accepted");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    require(
        steps[i].accepted && std::fabs(steps[i].t - grid[i + 1]) <= 1e-9,
        fmt::format("step {} was reported at t = {:.9g}, interval {} ends at {:.9g}", i, steps[i].t, i, grid[i + 1]),
        "a fixed-step solver takes one step per interval, all accepted");
  }
  return fmt::format("{} steps for {} intervals", steps.size(), grid.size() - 1);
}

std::string check_evaluations(const SolverUnderTest& subject) {
  if (subject.configured_by_file) throw NotApplicable{"the method comes from a file, so the table promises no cost"};
  const double declared = subject.info().evaluations_per_step;
  const std::string advice =
      "`evaluations_per_step` in the table is per attempted step, and every attempt, rejected or not, is reported by "
      "step_done";
  double extra = 0;
  for (const int size : {20, 40}) {
    const bool adaptive = subject.info().adaptive;
    const Run result = run_well(subject, damped_rotations(), grid_of(0, end_of_time(subject), size),
                                adaptive ? std::pow(10, -size / 5.0) : 1e-6);
    const auto attempts = static_cast<double>(result.host->steps().size());
    const auto rejected = attempts - static_cast<double>(result.host->accepted());
    const double counted = static_cast<double>(result.host->evaluations());
    // A start of up to two; an end that saves one; a first slope that is kept after a rejection.
    const double over = counted - declared * attempts;
    require(over <= 2 + 1e-9 && over >= -(1 + rejected) - 1e-9,
            fmt::format("{} evaluations in {} attempted steps, declared {} per step", counted, attempts, declared),
            advice);
    extra = over;
  }
  return fmt::format("{} per attempted step{}", declared,
                     extra == 0 ? "" : fmt::format(", and {:+} once", static_cast<int>(extra)));
}

}  // namespace pathline::solvers::conformance
