// @id@: a solver plugin for pathline. It starts as Ralston's method (order 2) with a parameter; make it yours.
#include <pathline/solver.hpp>

namespace {

using namespace pathline::plugin;

struct Solver {
  // id, name, version, where it comes from, order, evaluations per step
  static constexpr Description description{"@id@", "@id@", "0.1.0", "Ralston's second-order method.", 2, 2};
  // What users set with --param alpha=0.5. Leave it out, and the constructor, if there is nothing to set.
  static constexpr pathline_parameter parameters[] = {
      real("alpha", "where the second slope is taken, as a part of the step", 0.1, 1, 2.0 / 3)};

  explicit Solver(const Values& values) : alpha(values["alpha"]) {}

  // Advances y in place over the grid. What the host does not accept is thrown, and returned to it at the border.
  void integrate(const Host& host, const Problem& problem, State y) {
    Vector k1 = host.clone(y), k2 = host.clone(y),
           stage = host.clone(y);  // unspecified contents; released by themselves
    const double w = 1 / (2 * alpha);
    for (const Interval step : problem) {
      const double h = step.h();  // negative on descending grids
      host.rhs(step.t, y, k1);    // k1 = f(t, y)
      host.lincomb(stage, {{1, y}, {alpha * h, k1}});
      host.rhs(alpha < 1 ? step.t + alpha * h : step.end, stage, k2);
      host.lincomb(y, {{1, y}, {(1 - w) * h, k1}, {w * h, k2}});
      host.step_done(step.end, h, y);  // times of the grid itself, not t + h
    }
  }

  double alpha;
};

}  // namespace

PATHLINE_EXPORT_SOLVERS(Solver)
