#include "tools/fit/fitter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/ops/linalg_solve.h>
#include <fmt/format.h>

#include "core/error.h"
#include "tools/fit/quasi_newton.h"

namespace pathline::tools {

namespace {

/// Pulls the last row towards what it was, where the velocities hardly differ from one another.
constexpr double ridge = 1e-7;
constexpr double curvature_damping = 1e-3;
/// Of the decrease that the slope promises, a step must bring this part.
constexpr double least_decrease = 1e-4;
constexpr double shortening = 0.4;
constexpr int most_shortenings = 6;
/// Gains below this part of the loss end the fit after two iterations in a row.
constexpr double smallest_gain = 5e-3;

/// All that the loss has to do with the last row c, in float64: it is squares - 2 <c, projection> + <c, gram c>.
struct LastRow {
  at::Tensor gram, projection, squares;  // [n + 1, n + 1], [n + 1], []

  LastRow(const Trajectory& path, const FitSamples& samples) {
    const auto rows = static_cast<std::int64_t>(path.velocities.size()) + 1;
    const auto options = samples.noise.options().dtype(at::kDouble);
    gram = at::zeros({rows, rows}, options);
    projection = at::zeros({rows}, options);
    squares = at::zeros({}, options);
    for (std::int64_t k = 0; k < samples.count(); ++k) {  // one at a time: all of them in float64 would be much memory
      std::vector<at::Tensor> used = {samples.noise[k].flatten()};
      for (const at::Tensor& u : path.velocities) used.push_back(u[k].flatten());
      const at::Tensor design = at::stack(used).to(at::kDouble), target = samples.endpoint[k].flatten().to(at::kDouble);
      gram.addmm_(design, design.t());
      projection.addmv_(design, target);
      squares.add_(target.square().sum());
    }
    const auto values = static_cast<double>(samples.noise.numel());
    for (at::Tensor* sum : {&gram, &projection, &squares}) *sum = sum->div(values).cpu();
  }

  /// The best row near `old`.
  at::Tensor solve(const at::Tensor& old) const {
    at::Tensor normal = gram.clone();
    normal.diagonal().add_(ridge);
    return old + at::linalg_solve(normal, projection - at::mv(gram, old));
  }

  double loss(const at::Tensor& row) const {
    return (squares - 2 * at::dot(projection, row) + at::dot(at::mv(gram, row), row)).clamp_min(0).item<double>();
  }
};

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

/// A table with its last row solved for, and what is known of it on the training samples.
struct Point {
  SolverTable table;
  Trajectory path;
  double loss = std::numeric_limits<double>::infinity();
  std::vector<double> gradient;
};

class Fitter {
 public:
  Fitter(const FitProblem& problem, std::size_t evaluations, const FitProgress& progress)
      : problem_(problem), evaluations_(evaluations), progress_(progress) {}

  FitResult fit(const SolverTable* previous) {
    choose_start(previous);
    point_ = point_of(result_.table);
    keep_if_best(0);
    if (std::isfinite(point_.loss)) descend();
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

  void descend() {
    find_gradient(point_);
    QuasiNewton model(curvature(0), curvature_damping);
    bool untried = true;
    int idle = 0;
    for (int iteration = 1; iteration <= problem_.iterations && idle < 2; ++iteration) {
      const double before = point_.loss;
      if (!step(model)) {
        // A model that has learnt may have gone wrong; one that has not says that this is a minimum.
        if (untried) break;
        model = QuasiNewton(curvature(iteration), curvature_damping);
        untried = true;
        continue;
      }
      untried = false;
      keep_if_best(iteration);
      idle = point_.loss > before * (1 - smallest_gain) ? idle + 1 : 0;
    }
  }

  /// The table with its last row solved for.
  Point point_of(SolverTable table) const {
    Point point;
    point.path = follow(problem_.field, table, problem_.training);
    const LastRow last(point.path, problem_.training);
    std::vector<double> old = {table.a.back()};
    old.insert(old.end(), table.b.back().begin(), table.b.back().end());
    const at::Tensor row = last.solve(at::tensor(old, at::dtype(at::kDouble))).contiguous();
    const double* solved = row.const_data_ptr<double>();
    table.a.back() = solved[0];
    std::copy(solved + 1, solved + row.numel(), table.b.back().begin());
    point.table = std::move(table);
    if (is_valid(point.table)) point.loss = last.loss(row);
    return point;
  }

  /// Of the loss, in the numbers before the last row; that one is at its minimum.
  void find_gradient(Point& point) const {
    const FitSamples& samples = problem_.training;
    const at::Tensor end = combine(point.table.a.back(), samples.noise, point.table.b.back(), point.path.velocities);
    const at::Tensor cotangent = (end - samples.endpoint) * (2.0 / static_cast<double>(end.numel()));
    point.gradient = endpoint_gradient(problem_.field, point.table, samples, point.path, cotangent);
  }

  /// Gauss-Newton's second derivatives of the loss in the numbers before the last row, which follows them.
  at::Tensor curvature(std::int64_t first) const {
    const std::int64_t count = problem_.training.count(), part = std::min(problem_.jacobian_samples, count);
    const std::int64_t stride = std::max<std::int64_t>(1, count / part);
    const FitSamples some = problem_.training.some(first % stride, stride, part);
    const Trajectory path = follow(problem_.field, point_.table, some);
    const at::Tensor slope = endpoint_jacobian(problem_.field, point_.table, some, path).flatten(0, 1);
    const at::Tensor normal = at::matmul(slope.t(), slope) * (2.0 / static_cast<double>(slope.size(0)));
    const auto last = static_cast<std::int64_t>(last_row_unknowns(point_.table)), free = normal.size(0) - last;
    const at::Tensor coupling = normal.narrow(0, 0, free).narrow(1, free, last);
    const at::Tensor own = normal.narrow(0, free, last).narrow(1, free, last).clone();
    own.diagonal().add_(ridge);
    return normal.narrow(0, 0, free).narrow(1, 0, free) - at::matmul(coupling, at::linalg_solve(own, coupling.t()));
  }

  /// One step along the model's direction, shorter until the loss falls; false if it does not.
  bool step(QuasiNewton& model) {
    const std::vector<Unknown> unknowns = unknowns_of(point_.table);
    const std::vector<double> direction = model.direction(point_.gradient);
    double slope = 0;
    for (std::size_t p = 0; p < direction.size(); ++p) slope += direction[p] * point_.gradient[p];
    double part = 1;
    for (int k = 0; k < most_shortenings; ++k, part *= shortening) {
      SolverTable table = point_.table;
      for (std::size_t p = 0; p < direction.size(); ++p) number_at(table, unknowns[p]) += part * direction[p];
      if (!is_valid(table)) continue;
      Point next = point_of(std::move(table));
      if (!(next.loss <= point_.loss + least_decrease * part * slope)) continue;
      find_gradient(next);
      std::vector<double> moved(direction.size()), changed(direction.size());
      for (std::size_t p = 0; p < direction.size(); ++p) {
        moved[p] = part * direction[p];
        changed[p] = next.gradient[p] - point_.gradient[p];
      }
      model.learn(moved, changed);
      point_ = std::move(next);
      return true;
    }
    return false;
  }

  void keep_if_best(int iteration) {
    const double error = table_error(problem_, point_.table, problem_.validation);
    if (error < result_.validation_error) {
      result_.validation_error = error;
      result_.table = point_.table;
      result_.iterations = iteration;
    }
    if (progress_) progress_(iteration, std::sqrt(point_.loss), error);
  }

  const FitProblem& problem_;
  std::size_t evaluations_;
  const FitProgress& progress_;
  Point point_;
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
  const at::Tensor difference = follow(problem.field, table, samples).states.back() - samples.endpoint;
  return std::sqrt(difference.to(at::kDouble).square().mean().item<double>());
}

}  // namespace pathline::tools
