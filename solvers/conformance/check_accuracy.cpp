// What a solver promises about its error: order, tolerances, the spacing and direction of the grid.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "solvers/conformance/check.h"

namespace pathline::solvers::conformance {
namespace {

constexpr double rounding_level = 1e-11;  // errors below are made of rounding
// The slope of log error over log steps: smaller on too few steps, larger where a problem is kind to a method.
constexpr double slope_below = 0.3, slope_above = 0.5;
// Over evaluations of an adaptive solver the slope is rougher: step sizes jump, and not all error comes from where the
// steps are.
constexpr double adaptive_slope_below = 0.6, adaptive_slope_above = 0.95;

void require_promise_of_accuracy(const SolverUnderTest& subject) {
  if (subject.info().stochastic) throw NotApplicable{"its results are random"};
  if (subject.configured_by_file) throw NotApplicable{"the method comes from a file, so the table promises no order"};
}

double error_on(const SolverUnderTest& subject, const Problem& problem, const std::vector<double>& grid,
                double tolerance) {
  return largest_error(run_well(subject, problem, grid, tolerance).y, problem.exact(grid.back()));
}

/// log2 of the ratio of the errors at the two finest step counts that rounding does not spoil. Infinity if all errors
/// are made of rounding.
double slope_of_fixed_steps(const SolverUnderTest& subject, const Problem& problem, double a, double b, double bend) {
  double slope = std::numeric_limits<double>::infinity(), previous = 0;
  for (int steps = 8; steps <= 128; steps *= 2) {
    const double error = error_on(subject, problem, grid_of(a, b, steps, bend), 1e-6);
    if (error < rounding_level) break;
    if (previous > 0) slope = std::log2(previous / error);
    previous = error;
  }
  return slope;
}

struct Point {
  double tolerance, error, steps, evaluations;
};

/// From tolerance 10^-first to 10^-last.
std::vector<Point> tolerance_series(const SolverUnderTest& subject, const Problem& problem, double a, double b,
                                    int first, int last) {
  std::vector<Point> points;
  for (int digits = first; digits <= last; ++digits) {
    const double tolerance = std::pow(10, -digits);
    const Run result = run_well(subject, problem, {a, b}, tolerance);
    points.push_back({tolerance, std::max(largest_error(result.y, problem.exact(b)), 1e-16),
                      static_cast<double>(result.host->accepted()), static_cast<double>(result.host->evaluations())});
  }
  return points;
}

/// Of log y over log x by least squares.
template <typename X, typename Y>
double fitted_slope(const std::vector<Point>& points, X x, Y y) {
  double n = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (const Point& point : points) {
    const double lx = std::log(x(point)), ly = std::log(y(point));
    n += 1, sum_x += lx, sum_y += ly, sum_xx += lx * lx, sum_xy += lx * ly;
  }
  return (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x);
}

double error_of(const Point& point) {
  return point.error;
}
double tolerance_of(const Point& point) {
  return point.tolerance;
}
double steps_of(const Point& point) {
  return point.steps;
}

double slope_of(const SolverUnderTest& subject, const Problem& problem, double a, double b) {
  if (!subject.info().adaptive) return slope_of_fixed_steps(subject, problem, a, b, 1);
  // A longer way and close tolerances, for the few steps of a short one are of very unequal size; but not so close that
  // a method of low order takes ten thousands of steps.
  constexpr int longer = 4;
  const int last_digits = std::min(10, 3 + 2 * (subject.info().embedded_order + 1));
  const int first_digits = std::max(3, last_digits - 5);
  const double far = a < b ? longer * b : longer * a;
  const auto points = tolerance_series(subject, problem, a < b ? a : far, a < b ? far : b, first_digits, last_digits);
  return -fitted_slope(points, steps_of, error_of);
}

}  // namespace

std::string check_order(const SolverUnderTest& subject) {
  require_promise_of_accuracy(subject);
  const double below = subject.info().adaptive ? adaptive_slope_below : slope_below;
  const double above = subject.info().adaptive ? adaptive_slope_above : slope_above;
  const double order = subject.info().order;
  std::vector<std::string> seen;
  double smallest = std::numeric_limits<double>::infinity();
  for (const Problem& problem : accuracy_problems()) {
    const double slope = slope_of(subject, problem, 0, end_of_time(subject));
    seen.push_back(fmt::format("{:.2f}", slope));
    smallest = std::min(smallest, slope);
    require(slope >= order - below,
            fmt::format("declares order {}, but on {} the error falls like steps^-{:.2f}", order, problem.name, slope),
            "a wrong coefficient, a stage at the wrong time, or the wrong `order` in the table");
  }
  // A method may be better on one problem by luck, but not on all.
  require(smallest == std::numeric_limits<double>::infinity() || smallest <= order + above,
          fmt::format("declares order {}, but the error falls like steps^-{:.2f} or faster on all problems", order,
                      smallest),
          "`order` in the table is the order of the solution that is returned");
  return fmt::format("{} on three problems, declared {}", fmt::join(seen, ", "), order);
}

std::string check_uneven_grid(const SolverUnderTest& subject) {
  const double end = end_of_time(subject);
  if (subject.info().adaptive) {
    const Problem problem = damped_rotations();
    const Run ends = run_well(subject, problem, {0, end});
    const Run inner = run_well(subject, problem, grid_of(0, end, 7, 2));
    require(ends.host->trace() == inner.host->trace(), "the times inside the grid change what it does",
            "an adaptive solver takes only t[0] and t[steps] from the grid");
    return "only the ends of the grid count";
  }
  require_promise_of_accuracy(subject);
  double smallest = std::numeric_limits<double>::infinity();
  for (const Problem& problem : accuracy_problems()) {
    smallest = std::min(smallest, slope_of_fixed_steps(subject, problem, 0, end, 1.6));
  }
  require(smallest >= subject.info().order - slope_below,
          fmt::format("declares order {}, but on an uneven grid the error falls like steps^-{:.2f}",
                      subject.info().order, smallest),
          "take each step's size from the grid: h = t[i + 1] - t[i]; multistep methods need the ratio of the last two");
  return fmt::format("order {:.2f} or better", smallest);
}

std::string check_descending_grid(const SolverUnderTest& subject) {
  if (!subject.info().descending) throw NotApplicable{"it does not declare PATHLINE_DESCENDING"};
  require_promise_of_accuracy(subject);
  const double below = subject.info().adaptive ? adaptive_slope_below : slope_below;
  const std::string advice =
      "steps are negative then: use h = t[i + 1] - t[i] as it is, and sizes without sign in step control";
  double smallest = std::numeric_limits<double>::infinity();
  for (const Problem& problem : accuracy_problems()) {
    const double slope = slope_of(subject, problem, end_of_time(subject), 0);
    require(slope >= subject.info().order - below,
            fmt::format("declares order {}, but from t = {} down to 0 the error falls like steps^-{:.2f} on {}",
                        subject.info().order, end_of_time(subject), slope, problem.name),
            advice);
    smallest = std::min(smallest, slope);
  }
  return fmt::format("order {:.2f} or better", smallest);
}

std::string check_tolerances(const SolverUnderTest& subject) {
  if (!subject.info().adaptive) throw NotApplicable{"it takes the steps of the grid"};
  require_promise_of_accuracy(subject);
  const std::string advice =
      "accept a step only if error_norm gave <= 1, and choose the next size from it; docs/write-a-solver.md, adaptive";
  double worst = 0, least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Problem& problem : accuracy_problems()) {
    const auto points = tolerance_series(subject, problem, 0, end_of_time(subject), 3, 8);
    const double slope = fitted_slope(points, tolerance_of, error_of);
    least = std::min(least, slope);
    most = std::max(most, slope);
    require(slope >= 0.5 && slope <= 1.6,
            fmt::format("from rtol = atol = 1e-3 to 1e-8 the error goes like tolerance^{:.2f} on {}, expected about 1",
                        slope, problem.name),
            advice);
    for (const Point& point : points) worst = std::max(worst, point.error / point.tolerance);
    require(worst <= 200, fmt::format("the error is {:.0f} times the tolerance on {}", worst, problem.name), advice);
    // The work grows like tolerance^(-1 / (order of the estimate + 1)); four times that is wasteful.
    const double growth = points.back().evaluations / points.front().evaluations;
    const double expected = std::pow(1e5, 1.0 / (subject.info().embedded_order + 1.0));
    require(growth <= 4 * expected,
            fmt::format("100000 times closer costs {:.0f} times the evaluations on {}, expected about {:.0f}", growth,
                        problem.name, expected),
            "the exponent of the step control is 1 / (order of the error estimate + 1)");
  }
  return fmt::format("error like tolerance^{:.2f} to ^{:.2f}, at most {:.1f} times the tolerance", least, most, worst);
}

}  // namespace pathline::solvers::conformance
