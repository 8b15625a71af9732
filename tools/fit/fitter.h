#pragma once
// Fits solver tables to a velocity field: the table of n evaluations whose endpoints are nearest, in the mean square,
// to those of a tight solution from the same noise.
//
// Method. The best of several known solvers on several grids is written as a table and improved by Levenberg-Marquardt
// on times and coefficients together. The Jacobian is had by forward differences, with all perturbations that are alive
// at an evaluation in one batch: a perturbed row costs only the evaluations after it, the last row costs none. The last
// row enters linearly: after every step it is solved for in closed form (float64, with a ridge towards the old one) on
// all training samples. A step is taken only if it lowers the training error; what is kept is the best table seen on
// validation samples that no step has used, so it is never worse there than the best known solver.
//
// Everything is deterministic given the samples. Thread-safety: one thread.

#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tools/fit/table.h"

namespace pathline::tools {

/// Noise, labels and reference endpoints of some samples. Noise and endpoints [K, …] on the field's device, in its
/// dtype; labels [K] or undefined.
struct FitSamples {
  at::Tensor noise, labels, endpoint;
};

struct FitProblem {
  /// Velocity of `y` [B, …] at time t with labels [B] (or undefined), into a new tensor. May throw, to stop.
  std::function<at::Tensor(double t, const at::Tensor& y, const at::Tensor& labels)> field;
  FitSamples training, validation;
  std::int64_t batch = 64;             ///< most samples in one call of the field
  std::int64_t jacobian_samples = 16;  ///< training samples that each Jacobian is made from, in turn
  int iterations = 8;
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
