#pragma once
// Which cells a sweep has: solvers with their parameters, each at every budget that suits it. Thread-safety: pure
// functions; a Plan is immutable once made.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "solvers/solver_host.h"
#include "tools/options.h"
#include "tools/sweep/results.h"

namespace pathline::tools {

/// A solver of the sweep with the parameters meant for it, as they were given.
struct SweepSolver {
  std::shared_ptr<const solvers::Solver> solver;
  std::vector<std::pair<std::string, std::string>> parameters;
};

/// A cell before it has run.
struct PlannedCell {
  SweepCell cell;  ///< all but model and outcome
  std::shared_ptr<const solvers::Solver> solver;
  solvers::IntegrateOptions integrate;

  /// Rough number of evaluations, to share cells out among ranks.
  double cost() const;
};

/// Declares --solvers, --steps, --evaluations, --tolerances, --grid, --norm and --param.
void declare_plan_options(Options& options);

/// The cells of one model, in order of --solvers and budgets. Error(usage) for budgets or parameters that suit no
/// solver.
std::vector<PlannedCell> plan_sweep(const Options& options);

/// Number of the rank that runs each cell: dearest first, each to the rank with least to do so far; the same on every
/// rank.
std::vector<int> share_out(const std::vector<double>& costs, int ranks);

}  // namespace pathline::tools
