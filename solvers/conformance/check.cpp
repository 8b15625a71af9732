#include "solvers/conformance/check.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace pathline::solvers::conformance {
namespace {

/// Calls a function of the plugin and turns an exception into Escaped.
template <typename F>
auto guarded(const char* function, StrictHost& host, F f) {
  struct Inside {
    explicit Inside(StrictHost& h) : host(h) { host.enter(); }
    ~Inside() { host.leave(); }
    StrictHost& host;
  } inside(host);
  try {
    return f();
  } catch (const std::exception& error) {
    throw Escaped{function, error.what()};
  } catch (...) {
    throw Escaped{function, "something that is not a std::exception"};
  }
}

}  // namespace

void require(bool condition, const std::string& detail, const std::string& advice) {
  if (!condition) throw Finding{detail, advice};
}

const std::vector<SolverCheck>& solver_checks() {
  static const std::vector<SolverCheck> checks = {
      {"parameters", "does every parameter work at its default, its bounds and each of its choices?", check_parameters},
      {"vectors", "are vectors written before they are read, and neither mixed up nor used after their end?",
       check_vectors},
      {"order", "does the error fall with the steps as the declared order says, on three problems?", check_order},
      {"uneven-grid", "is the grid's spacing respected (fixed steps) or only its ends (adaptive)?", check_uneven_grid},
      {"descending-grid", "does it integrate backwards as accurately, if it says that it can?", check_descending_grid},
      {"one-step-grid", "does a grid of one interval work?", check_one_step},
      {"empty-grid", "does a grid without intervals do nothing?", check_empty_grid},
      {"stage-times", "is the field asked inside the interval only, to the last bit?", check_stage_times},
      {"steps-reported", "is every step reported, with the times of the grid, ending at its end exactly?",
       check_steps_reported},
      {"evaluations", "does it evaluate as often as it declares?", check_evaluations},
      {"tolerances", "does an adaptive solver's error follow rtol and atol at a reasonable cost?", check_tolerances},
      {"failing-calls", "when any one call to the host fails: is that status returned at once, and nothing lost?",
       check_failing_calls},
      {"cancel", "does it stop at once when step_done says so, with the last state in y?", check_cancel},
      {"non-finite", "does it stop soon, with PATHLINE_NON_FINITE, when the field gives NaN or infinity?",
       check_non_finite},
      {"step-underflow", "does an adaptive solver give up with PATHLINE_STEP_TOO_SMALL when no step is good enough?",
       check_step_underflow},
      {"step-limit", "does it end with PATHLINE_TOO_MANY_STEPS when the work has no end?", check_step_limit},
      {"extensions", "does it work, or say what is missing, on a host without extensions?", check_extensions},
      {"determinism", "does the same input give the same bits, whatever the instance did before?", check_determinism},
      {"threads", "do two instances in two threads give the same bits as alone?", check_threads},
      {"leaks", "are all vectors, memory and files given back?", check_leaks},
      {"process-state", "does it leave threads, floating-point mode, signal handlers and locale as they were?",
       check_process_state},
  };
  return checks;
}

// Instance
// --------------------------------------------------------------------------------------------------------------------

Instance::Instance(const SolverUnderTest& subject, StrictHost& host) : table_(subject.solver.table()), host_(host) {
  if (table_.create) {
    const auto status = guarded(
        "create", host_, [&] { return table_.create(host_.table(), subject.settings.numbers.data(), &instance_); });
    require(status == PATHLINE_OK,
            fmt::format("create returned {}{}", name_of(status),
                        host_.errors().empty() ? "" : ": " + host_.errors().back()),
            "create must accept the values of its own parameter table");
  }
  alive_ = true;
}

Instance::~Instance() {
  try {
    destroy();
  } catch (const Escaped&) {  // reported by those who call destroy() themselves
  }
}

void Instance::destroy() {
  if (!std::exchange(alive_, false) || !table_.destroy) return;
  guarded("destroy", host_, [&] {
    table_.destroy(instance_, host_.table());
    return 0;
  });
}

Instance::Result Instance::integrate(const Problem& problem, const std::vector<double>& grid, double tolerance) {
  pathline_problem asked{};
  asked.struct_size = sizeof asked;
  asked.steps = static_cast<std::uint32_t>(grid.size() - 1);
  asked.t = grid.data();
  asked.rtol = asked.atol = tolerance;
  pathline_vector* const y = host_.begin(problem, grid);
  const auto status =
      guarded("integrate", host_, [&] { return table_.integrate(instance_, host_.table(), &asked, y); });
  return {status, host_.end()};
}

Run run(const SolverUnderTest& subject, const Problem& problem, const std::vector<double>& grid, double tolerance,
        const Behaviour& behaviour) {
  Run result{PATHLINE_OK, {}, std::make_unique<StrictHost>(subject.settings, behaviour)};
  Instance instance(subject, *result.host);
  Instance::Result integrated = instance.integrate(problem, grid, tolerance);
  result.status = integrated.status;
  result.y = std::move(integrated.y);
  instance.destroy();
  return result;
}

void require_rules_kept(const StrictHost& host) {
  require(host.breach().empty(), host.breach(), "the comments of <pathline/solver.h> say what each call may be given");
}

Run run_well(const SolverUnderTest& subject, const Problem& problem, const std::vector<double>& grid,
             double tolerance) {
  Run result = run(subject, problem, grid, tolerance);
  require_rules_kept(*result.host);
  require(result.status == PATHLINE_OK,
          fmt::format("integrate returned {} on a harmless problem ({}, {} intervals){}", name_of(result.status),
                      problem.name, grid.size() - 1,
                      result.host->errors().empty() ? "" : ": " + result.host->errors().back()),
          "return PATHLINE_OK when the end of the grid was reached");
  return result;
}

std::string name_of(pathline_status status) {
  switch (status) {
    case PATHLINE_OK:
      return "PATHLINE_OK";
    case PATHLINE_CANCELLED:
      return "PATHLINE_CANCELLED";
    case PATHLINE_NON_FINITE:
      return "PATHLINE_NON_FINITE";
    case PATHLINE_STEP_TOO_SMALL:
      return "PATHLINE_STEP_TOO_SMALL";
    case PATHLINE_TOO_MANY_STEPS:
      return "PATHLINE_TOO_MANY_STEPS";
    case PATHLINE_OUT_OF_MEMORY:
      return "PATHLINE_OUT_OF_MEMORY";
    case PATHLINE_HOST_ERROR:
      return "PATHLINE_HOST_ERROR";
    case PATHLINE_BAD_PARAMETER:
      return "PATHLINE_BAD_PARAMETER";
    case PATHLINE_FAILED:
      return "PATHLINE_FAILED";
    default:
      return fmt::format("status {}", status);
  }
}

std::vector<double> grid_of(double a, double b, int steps, double bend) {
  std::vector<double> grid;
  for (int i = 0; i < steps; ++i) grid.push_back(a + (b - a) * std::pow(static_cast<double>(i) / steps, bend));
  grid.push_back(b);
  return grid;
}

double end_of_time(const SolverUnderTest& subject) {
  return subject.info().stochastic ? 1 : 2;
}

double largest_error(const State& y, const State& exact) {
  double largest = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double error = std::fabs(y[i] - exact[i]);
    if (!(error <= largest)) largest = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  return largest;
}

}  // namespace pathline::solvers::conformance
