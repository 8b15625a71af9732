#pragma once
// Samples followed through a solver table, and how their endpoints depend on its numbers. Two ways to the derivatives:
// forward differences of all numbers at once, which give the Jacobian, and the adjoint recursion, which gives the
// gradient of a function of the endpoints at about twice the cost of following the samples, whatever the number of
// unknowns. Thread-safety: as the field's.

#include <functional>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tools/fit/table.h"

namespace pathline::tools {

/// The velocity that a table is fitted to. Either function may throw, to stop.
struct FitField {
  /// v(y, t) of `y` [B, …] with labels [B] (or undefined), into a new tensor.
  std::function<at::Tensor(double t, const at::Tensor& y, const at::Tensor& labels)> velocity;
  /// d<cotangent, v(y, t)> / dy [B, …] and / dt (summed over the samples).
  std::function<std::pair<at::Tensor, double>(double t, const at::Tensor& y, const at::Tensor& labels,
                                              const at::Tensor& cotangent)>
      pull_back;
  std::int64_t batch = 64;  ///< most samples in one call
};

/// Noise, labels and reference endpoints of some samples. Noise and endpoints [K, …] on the field's device, in its
/// dtype; labels [K] or undefined.
struct FitSamples {
  at::Tensor noise, labels, endpoint;

  std::int64_t count() const { return noise.size(0); }
  /// Every `stride`-th sample from `first` on, at most `most` of them.
  FitSamples some(std::int64_t first, std::int64_t stride, std::int64_t most) const;
};

struct Trajectory {
  std::vector<at::Tensor> states, velocities;  ///< x_0 … x_n, u_0 … u_{n-1}
};

/// What a row of a table makes: a x_0 + sum_j b_j u_j.
at::Tensor combine(double a, const at::Tensor& noise, const std::vector<double>& b,
                   const std::vector<at::Tensor>& velocities);

Trajectory follow(const FitField& field, const SolverTable& table, const FitSamples& samples);

/// A number of a table that is free to move: the times but the first and the last, the coefficients of all rows.
struct Unknown {
  std::size_t row;  ///< of the coefficient, or number of the time
  int column;       ///< -1: of x_0
  bool time;
};

/// Times first, then row by row; the last row comes last and has last_row_unknowns() of them.
std::vector<Unknown> unknowns_of(const SolverTable& table);
inline std::size_t last_row_unknowns(const SolverTable& table) {
  return table.evaluations() + 1;
}
double& number_at(SolverTable& table, const Unknown& unknown);

/// d endpoint / d unknown for every unknown: [K, values, unknowns] in float64, by forward differences of the field. A
/// perturbed row costs only the evaluations after it, the last row none. `path`: of these samples.
at::Tensor endpoint_jacobian(const FitField& field, const SolverTable& table, const FitSamples& samples,
                             const Trajectory& path);

/// d<cotangent, endpoint> / d unknown for every unknown but those of the last row.
std::vector<double> endpoint_gradient(const FitField& field, const SolverTable& table, const FitSamples& samples,
                                      const Trajectory& path, const at::Tensor& cotangent);

}  // namespace pathline::tools
