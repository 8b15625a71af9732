#include "tools/fit/fitter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/ops/linalg_solve.h>
#include <fmt/format.h>

#include "core/error.h"

namespace pathline::tools {

namespace {

/// Perturbations for the Jacobian. States and velocities are of order one: far above the rounding of float32, far below
/// where a network bends.
constexpr double state_perturbation = 1e-2, time_perturbation = 1e-3;
constexpr double ridge = 1e-7;
constexpr double first_damping = 1e-3, largest_damping = 1e3;
/// Gains below this part of the error end the fit after two iterations in a row.
constexpr double smallest_gain = 5e-3;

double rms(const at::Tensor& difference) {
  return std::sqrt(difference.to(at::kDouble).square().mean().item<double>());
}

at::Tensor rows_of(const at::Tensor& values, std::int64_t first, std::int64_t count) {
  return values.defined() ? values.narrow(0, first, count) : values;
}

at::Tensor repeated(const at::Tensor& values, std::int64_t times) {
  if (!values.defined()) return values;
  std::vector<std::int64_t> repeats(static_cast<std::size_t>(values.dim()), 1);
  repeats[0] = times;
  return values.repeat(repeats);
}

/// The field in calls of at most `batch` samples.
at::Tensor velocity(const FitProblem& problem, double t, const at::Tensor& y, const at::Tensor& labels) {
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < y.size(0); first += problem.batch) {
    const std::int64_t count = std::min(problem.batch, y.size(0) - first);
    parts.push_back(problem.field(t, rows_of(y, first, count), rows_of(labels, first, count)));
  }
  return at::cat(parts);
}

/// a x_0 + sum_j b_j u_j.
at::Tensor combine(double a, const at::Tensor& noise, const std::vector<double>& b,
                   const std::vector<at::Tensor>& velocities) {
  at::Tensor state = noise * a;
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (b[j] != 0) state.add_(velocities[j], b[j]);
  }
  return state;
}

struct Trajectory {
  std::vector<at::Tensor> states, velocities;  // x_0 … x_n, u_0 … u_{n-1}
};

Trajectory follow(const FitProblem& problem, const SolverTable& table, const FitSamples& samples) {
  Trajectory path;
  path.states.push_back(samples.noise);
  for (std::size_t i = 0; i < table.evaluations(); ++i) {
    path.velocities.push_back(velocity(problem, table.t[i], path.states[i], samples.labels));
    path.states.push_back(combine(table.a[i], samples.noise, table.b[i], path.velocities));
  }
  return path;
}

/// One number of a table: a time, or a coefficient of a row (-1: of x_0).
struct Unknown {
  std::size_t row;  // of the coefficient, or number of the time
  int column;
  bool time;
};

std::vector<Unknown> unknowns_of(const SolverTable& table) {
  std::vector<Unknown> list;
  const std::size_t n = table.evaluations();
  for (std::size_t i = 1; i < n; ++i) list.push_back({i, 0, true});
  for (std::size_t i = 0; i < n; ++i) {
    for (int j = -1; j <= static_cast<int>(i); ++j) list.push_back({i, j, false});
  }
  return list;
}

double& number_at(SolverTable& table, const Unknown& unknown) {
  if (unknown.time) return table.t[unknown.row];
  return unknown.column < 0 ? table.a[unknown.row] : table.b[unknown.row][static_cast<std::size_t>(unknown.column)];
}

/// d endpoint / d unknown for every unknown, as columns [K × values, unknowns] in float64.
at::Tensor jacobian(const FitProblem& problem, const SolverTable& table, const FitSamples& samples,
                    const Trajectory& path, const std::vector<Unknown>& unknowns) {
  const std::size_t n = table.evaluations();
  const std::int64_t count = samples.noise.size(0);
  // Perturbed copies of the samples, in the order in which they come: each joins where it first differs. `alive` says
  // which unknown each copy perturbs; states (x_i) and velocities (u_0 … u_i) hold all copies, one after another.
  std::vector<std::size_t> alive;
  at::Tensor states;
  std::vector<at::Tensor> velocities(n);
  std::vector<at::Tensor> columns(unknowns.size());
  const auto column = [&](const at::Tensor& endpoint, double perturbation) {
    return ((endpoint - path.states[n]) / perturbation).to(at::kDouble).reshape({-1});
  };
  const auto perturbation_of = [&](std::size_t p) { return unknowns[p].time ? time_perturbation : state_perturbation; };
  const auto direction = [&](const Unknown& unknown) -> const at::Tensor& {
    return unknown.column < 0 ? samples.noise : path.velocities[static_cast<std::size_t>(unknown.column)];
  };
  const auto append = [](at::Tensor& stack, const at::Tensor& more) {
    stack = stack.defined() ? at::cat({stack, more}) : more;
  };

  for (std::size_t i = 0; i < n; ++i) {
    // u_i of the copies that already differ in x_i, and of the one whose time t_i is moved.
    if (!alive.empty()) {
      const auto copies = static_cast<std::int64_t>(alive.size());
      velocities[i] = velocity(problem, table.t[i], states, repeated(samples.labels, copies));
    }
    for (std::size_t p = 0; p < unknowns.size(); ++p) {
      if (!unknowns[p].time || unknowns[p].row != i) continue;
      append(velocities[i], velocity(problem, table.t[i] + time_perturbation, path.states[i], samples.labels));
      for (std::size_t j = 0; j < i; ++j) append(velocities[j], path.velocities[j]);
      alive.push_back(p);
    }
    if (!alive.empty()) {
      const auto copies = static_cast<std::int64_t>(alive.size());
      states = combine(table.a[i], repeated(samples.noise, copies), table.b[i], velocities);
    }
    // The unknowns of row i shift x_{i+1} itself. Behind the last row no evaluation follows.
    for (std::size_t p = 0; p < unknowns.size(); ++p) {
      if (unknowns[p].time || unknowns[p].row != i) continue;
      if (i + 1 == n) {
        columns[p] = direction(unknowns[p]).to(at::kDouble).reshape({-1});
        continue;
      }
      append(states, path.states[i + 1] + direction(unknowns[p]) * state_perturbation);
      for (std::size_t j = 0; j <= i; ++j) append(velocities[j], path.velocities[j]);
      alive.push_back(p);
    }
  }
  for (std::size_t k = 0; k < alive.size(); ++k) {
    columns[alive[k]] = column(rows_of(states, static_cast<std::int64_t>(k) * count, count), perturbation_of(alive[k]));
  }
  return at::stack(columns, 1);
}

/// Puts the last row at the minimum of the squared error over `samples`, given all before it, and returns the RMS error
/// there. The ridge pulls towards the row as it was, where the velocities hardly differ from one another.
double solve_last_row(SolverTable& table, const Trajectory& path, const FitSamples& samples) {
  std::vector<at::Tensor> columns = {samples.noise.to(at::kDouble).reshape({-1})};
  for (const at::Tensor& u : path.velocities) columns.push_back(u.to(at::kDouble).reshape({-1}));
  const at::Tensor design = at::stack(columns, 1);
  const at::Tensor residual = (samples.endpoint - path.states.back()).to(at::kDouble).reshape({-1});
  const double values = static_cast<double>(residual.numel());
  at::Tensor normal = at::matmul(design.t(), design) / values;
  normal.diagonal().add_(ridge);
  const at::Tensor change = at::linalg_solve(normal, at::mv(design.t(), residual) / values).contiguous().to(at::kCPU);
  const double error = rms(residual - at::mv(design, change.to(residual.device())));
  const double* numbers = change.const_data_ptr<double>();
  table.a.back() += numbers[0];
  for (std::size_t j = 0; j < table.b.back().size(); ++j) table.b.back()[j] += numbers[j + 1];
  return error;
}

/// Uniform, and pulled towards noise or data as sigma' = s sigma / (1 + (s - 1) sigma), sigma = 1 - t (Esser et al.
/// 2024).
std::vector<double> shifted_grid(std::size_t steps, double shift) {
  std::vector<double> t(steps + 1);
  for (std::size_t i = 0; i <= steps; ++i) {
    const double sigma = 1 - static_cast<double>(i) / static_cast<double>(steps);
    t[i] = 1 - shift * sigma / (1 + (shift - 1) * sigma);
  }
  t.front() = 0;
  t.back() = 1;
  return t;
}

struct Start {
  std::string name;
  SolverTable table;
};

using MakeTable = SolverTable (*)(const std::vector<double>&, double);
struct Method {
  const char* name;
  MakeTable make;
  std::size_t cost, start_up;  // evaluations per step, and more for the first
  bool shipped;                // as a plugin: a baseline

  std::size_t steps(std::size_t evaluations) const {
    return evaluations < start_up ? 0 : (evaluations - start_up) / cost;
  }
};
constexpr Method methods[] = {{"euler", euler_table, 1, 0, true},
                              {"heun", heun_table, 2, 0, true},
                              {"midpoint", midpoint_table, 2, 0, true},
                              {"ab2", ab2_table, 1, 1, true},
                              {"ab2 begun with Euler", ab2_from_euler_table, 1, 0, false}};

std::vector<Start> starts(std::size_t evaluations, const SolverTable* previous) {
  std::vector<Start> list;
  for (const Method& method : methods) {
    const std::size_t steps = method.steps(evaluations);
    if (steps == 0) continue;
    list.push_back({method.name, method.make(shifted_grid(steps, 1), smallest_gap)});
    for (const double shift : {0.5, 2.0}) {
      list.push_back({fmt::format("{}, grid shifted by {:g}", method.name, shift),
                      method.make(shifted_grid(steps, shift), smallest_gap)});
    }
  }
  if (previous) list.push_back({fmt::format("fit of {}", previous->evaluations()), *previous});
  return list;
}

class Fitter {
 public:
  Fitter(const FitProblem& problem, std::size_t evaluations, const FitProgress& progress)
      : problem_(problem), evaluations_(evaluations), progress_(progress) {}

  FitResult fit(const SolverTable* previous) {
    choose_start(previous);
    table_ = result_.table;
    loss_ = std::numeric_limits<double>::infinity();
    try_table(table_);  // the start with its last row solved for
    keep_if_best(0);
    int idle = 0;
    for (int iteration = 1; iteration <= problem_.iterations && idle < 2; ++iteration) {
      const double before = loss_;
      improve(iteration - 1);
      keep_if_best(iteration);
      idle = loss_ > before * (1 - smallest_gain) ? idle + 1 : 0;
    }
    result_.training_error = table_error(problem_, result_.table, problem_.training);
    return std::move(result_);
  }

 private:
  void choose_start(const SolverTable* previous) {
    for (const Method& method : methods) {
      const std::size_t steps = method.steps(evaluations_);
      if (steps == 0 || !method.shipped) continue;
      const SolverTable exact = method.make(shifted_grid(steps, 1), 0);
      result_.baselines.push_back({method.name, table_error(problem_, exact, problem_.validation)});
    }
    result_.validation_error = std::numeric_limits<double>::infinity();
    for (Start& start : starts(evaluations_, previous)) {
      const double error = table_error(problem_, start.table, problem_.validation);
      if (!(error < result_.validation_error)) continue;
      result_.validation_error = error;
      result_.start = start.name;
      result_.table = std::move(start.table);
    }
    if (!std::isfinite(result_.validation_error)) {
      throw Error(ExitCode::numerical, "no known solver reaches a finite endpoint with this few evaluations",
                  fmt::format("{} evaluations", evaluations_));
    }
    while (result_.table.evaluations() < evaluations_) result_.table = with_idle_evaluation(result_.table);
  }

  /// Takes the table, with its last row solved for, if that lowers the training error.
  bool try_table(SolverTable table) {
    if (!is_valid(table)) return false;
    const double error = solve_last_row(table, follow(problem_, table, problem_.training), problem_.training);
    if (!(error < loss_) || !is_valid(table)) return false;
    loss_ = error;
    table_ = std::move(table);
    return true;
  }

  void keep_if_best(int iteration) {
    const double error = table_error(problem_, table_, problem_.validation);
    if (error < result_.validation_error) {
      result_.validation_error = error;
      result_.table = table_;
      result_.iterations = iteration;
    }
    if (progress_) progress_(iteration, loss_, error);
  }

  /// A Levenberg-Marquardt step from the next few training samples; more damping until the error over all of them
  /// falls.
  void improve(int iteration) {
    const std::int64_t all = problem_.training.noise.size(0), part = std::min(problem_.jacobian_samples, all);
    const std::int64_t first = std::min(iteration * part % all, all - part);
    const FitSamples some{rows_of(problem_.training.noise, first, part), rows_of(problem_.training.labels, first, part),
                          rows_of(problem_.training.endpoint, first, part)};
    const std::vector<Unknown> unknowns = unknowns_of(table_);
    const Trajectory path = follow(problem_, table_, some);
    const at::Tensor slope = jacobian(problem_, table_, some, path, unknowns);
    const at::Tensor residual = (some.endpoint - path.states.back()).to(at::kDouble).reshape({-1});
    const double values = static_cast<double>(residual.numel());
    const at::Tensor normal = at::matmul(slope.t(), slope) / values, gradient = at::mv(slope.t(), residual) / values;
    for (; damping_ <= largest_damping; damping_ *= 10) {
      at::Tensor damped = normal.clone();
      damped.diagonal().mul_(1 + damping_).add_(ridge);
      const at::Tensor change = at::linalg_solve(damped, gradient).contiguous().to(at::kCPU);
      if (try_table(moved(unknowns, change.const_data_ptr<double>()))) {
        damping_ = std::max(damping_ / 10, 1e-6);
        return;
      }
    }
    damping_ = first_damping;
  }

  /// table_ moved by `change`, by less if times would otherwise cross.
  SolverTable moved(const std::vector<Unknown>& unknowns, const double* change) const {
    constexpr int halvings = 6;
    double part = 1;
    for (int k = 0; k < halvings; ++k, part /= 2) {
      SolverTable table = table_;
      for (std::size_t p = 0; p < unknowns.size(); ++p) number_at(table, unknowns[p]) += part * change[p];
      if (is_valid(table)) return table;
    }
    return table_;
  }

  const FitProblem& problem_;
  std::size_t evaluations_;
  const FitProgress& progress_;
  SolverTable table_;
  double loss_ = 0, damping_ = first_damping;
  FitResult result_;
};

}  // namespace

const Baseline& FitResult::best_baseline() const {
  return *std::min_element(baselines.begin(), baselines.end(), [](const Baseline& x, const Baseline& y) {
    return x.validation_error < y.validation_error;
  });
}

FitResult fit_table(const FitProblem& problem, std::size_t evaluations, const SolverTable* previous,
                    const FitProgress& progress) {
  const at::NoGradGuard no_gradients;
  return Fitter(problem, evaluations, progress).fit(previous);
}

double table_error(const FitProblem& problem, const SolverTable& table, const FitSamples& samples) {
  const at::NoGradGuard no_gradients;
  return rms(follow(problem, table, samples).states.back() - samples.endpoint);
}

}  // namespace pathline::tools
