#pragma once
// What the solver tests share: the smooth closed-form mixture with its exact endpoint (an oracle of a few lines,
// independent of flow/), ways to get at the shipped plugins, and a table to write ad-hoc solvers with.

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "solvers/loaded_solver.h"
#include "solvers/solver_host.h"

namespace pathline::solvers::test {

/// 0.4 N(-1, 0.6^2) + 0.6 N(1, 0.8^2): the smooth pair of the accuracy table.
struct Mixture {
  static constexpr double weights[] = {0.4, 0.6}, means[] = {-1, 1}, sigmas[] = {0.6, 0.8};

  static double velocity(double x, double t) {
    double total = 0, sum = 0;
    for (int k = 0; k < 2; ++k) {
      const double q = (1 - t) * (1 - t) + t * t * sigmas[k] * sigmas[k];
      const double d = x - t * means[k];
      const double density = weights[k] / std::sqrt(q) * std::exp(-d * d / (2 * q));
      total += density;
      sum += density * (means[k] + (t * sigmas[k] * sigmas[k] - (1 - t)) / q * d);
    }
    return sum / total;
  }

  static double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
  static double cdf(double x) {
    double sum = 0;
    for (int k = 0; k < 2; ++k) sum += weights[k] * normal_cdf((x - means[k]) / sigmas[k]);
    return sum;
  }

  template <typename F>
  static double inverse(F f, double p) {
    double low = -20, high = 20;
    for (int i = 0; i < 100; ++i) {
      const double middle = 0.5 * (low + high);
      (f(middle) < p ? low : high) = middle;
    }
    return 0.5 * (low + high);
  }

  static constexpr std::int64_t count = 4096;
  static double quantile(std::int64_t i) { return (static_cast<double>(i) + 0.5) / count; }
  /// x0_i = the normal quantile of (i + 1/2) / 4096, as in the table; shape [4096].
  static at::Tensor start() {
    at::Tensor x = at::empty({count}, at::kDouble);
    for (std::int64_t i = 0; i < count; ++i) x.data_ptr<double>()[i] = inverse(normal_cdf, quantile(i));
    return x;
  }
  static at::Tensor exact_end() {
    at::Tensor x = at::empty({count}, at::kDouble);
    for (std::int64_t i = 0; i < count; ++i) x.data_ptr<double>()[i] = inverse(cdf, quantile(i));
    return x;
  }

  /// The field over float64 or float32 tensors of any shape.
  static void field(double t, const at::Tensor& y, at::Tensor& out) {
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      if (y.scalar_type() == at::kDouble) {
        out.data_ptr<double>()[i] = velocity(y.data_ptr<double>()[i], t);
      } else {
        out.data_ptr<float>()[i] = static_cast<float>(velocity(y.data_ptr<float>()[i], t));
      }
    }
  }
};

struct EndpointError {
  double rms, max;
};

inline EndpointError endpoint_error(const at::Tensor& y) {
  static const at::Tensor exact = Mixture::exact_end();
  const at::Tensor difference = (y.to(at::kDouble).reshape({-1}) - exact).abs();
  return {difference.square().mean().sqrt().item<double>(), difference.max().item<double>()};
}

inline at::Tensor mixture_start() {
  static const at::Tensor start = Mixture::start();
  return start.clone();
}

/// The shipped solvers of ordinary equations that need no file.
inline const std::vector<std::string> fixed_step_solvers = {"euler", "midpoint", "heun", "rk4", "ab2"};
inline const std::vector<std::string> adaptive_solvers = {"bosh3", "dopri5", "tsit5"};
inline std::vector<std::string> shipped_solvers() {
  std::vector<std::string> all = fixed_step_solvers;
  all.insert(all.end(), adaptive_solvers.begin(), adaptive_solvers.end());
  return all;
}

/// The field of a tensor expression.
template <typename F>
VelocityField field_of(F expression) {
  return [expression](double t, const at::Tensor& y, at::Tensor& out) { out.copy_(expression(t, y)); };
}

inline IntegrateOptions uniform(std::int64_t steps) {
  IntegrateOptions options;
  options.grid = make_grid("uniform", steps);
  return options;
}

/// dopri5 as SciPy and torchdiffeq run it: one RMS over the batch, integral control.
inline IntegrateOptions peer_settings(double tolerance, bool shampine) {
  IntegrateOptions options;
  options.grid = {0, 1};
  options.rtol = options.atol = tolerance;
  options.batch_norm = true;
  options.parameters = {{"controller", 1}, {"estimate", shampine ? 1 : 0}};
  return options;
}

/// An ad-hoc solver of one integrate function.
using IntegrateFunction = pathline_status (*)(void*, const pathline_host*, const pathline_problem*, pathline_vector*);
inline std::shared_ptr<const Solver> solver_of(IntegrateFunction function, std::uint32_t flags = PATHLINE_DESCENDING) {
  pathline_solver table{};
  table.struct_size = sizeof table;
  table.flags = flags;
  table.id = "ad-hoc";
  table.name = "Ad-hoc";
  table.version = "0";
  table.order = 1;
  table.evaluations_per_step = 1;
  table.integrate = function;
  return std::make_shared<LoadedSolver>(table, "ad-hoc.so", std::string(64, '0'));
}

}  // namespace pathline::solvers::test
