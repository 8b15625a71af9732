#pragma once
// Fits solver tables to a velocity field: the table of n evaluations whose endpoints are nearest, in the mean square,
// to those of a tight solution from the same noise.
//
// Method. The best of several known solvers on several grids, or the fit of one evaluation less, is written as a table
// and improved on all training samples at once. The last row enters linearly and is solved for in closed form wherever
// the rest moves (variable projection: Golub & Pereyra 1973). Times and earlier rows follow quasi-Newton directions
// (BFGS) with exact gradients from the adjoint recursion; the first curvature is that of Gauss-Newton, from forward
// differences on a few samples. What is kept is the best table seen on validation samples that no step has used, so it
// is never worse there than the best known solver.
//
// Everything is deterministic given the samples. Thread-safety: one thread.

#include <functional>
#include <string>
#include <vector>

#include "tools/fit/table.h"
#include "tools/fit/trajectory.h"

namespace pathline::tools {

struct FitProblem {
  FitField field;
  FitSamples training, validation;
  std::int64_t jacobian_samples = 16;  ///< training samples that the first curvature is made from
  int iterations = 12;
};

/// A known solver at the same number of evaluations, or the largest below it that it can have.
struct Baseline {
  std::string name;
  double validation_error = 0;
};

struct FitResult {
  SolverTable table;
  std::string start;                                ///< where it began: "ab2", "midpoint, grid shifted by 2" …
  double training_error = 0, validation_error = 0;  ///< RMS of the endpoint
  std::vector<Baseline> baselines;                  ///< euler, heun, midpoint, ab2 on the uniform grid
  int iterations = 0;

  const Baseline& best_baseline() const;
};

/// Told after every iteration: iteration, training and validation error.
using FitProgress = std::function<void(int, double, double)>;

/// `previous`: a table fitted for fewer evaluations, as one more start; may be null. REQUIRES: evaluations >= 1.
/// Error(numerical) when even the known solvers give no finite endpoint.
FitResult fit_table(const FitProblem& problem, std::size_t evaluations, const SolverTable* previous = nullptr,
                    const FitProgress& progress = {});

/// RMS distance of the table's endpoints from the reference.
double table_error(const FitProblem& problem, const SolverTable& table, const FitSamples& samples);

}  // namespace pathline::tools
