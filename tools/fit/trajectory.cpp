#include "tools/fit/trajectory.h"

#include <algorithm>
#include <tuple>

#include <ATen/ATen.h>

namespace pathline::tools {

namespace {

/// Perturbations for the Jacobian. States and velocities are of order one: far above the rounding of float32, far below
/// where a network bends.
constexpr double state_perturbation = 1e-2, time_perturbation = 1e-3;

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
at::Tensor velocity(const FitField& field, double t, const at::Tensor& y, const at::Tensor& labels) {
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < y.size(0); first += field.batch) {
    const std::int64_t count = std::min(field.batch, y.size(0) - first);
    parts.push_back(field.velocity(t, rows_of(y, first, count), rows_of(labels, first, count)));
  }
  return at::cat(parts);
}

std::pair<at::Tensor, double> pull_back(const FitField& field, double t, const at::Tensor& y, const at::Tensor& labels,
                                        const at::Tensor& cotangent) {
  std::vector<at::Tensor> parts;
  double time = 0;
  for (std::int64_t first = 0; first < y.size(0); first += field.batch) {
    const std::int64_t count = std::min(field.batch, y.size(0) - first);
    auto [state, slope] =
        field.pull_back(t, rows_of(y, first, count), rows_of(labels, first, count), rows_of(cotangent, first, count));
    parts.push_back(std::move(state));
    time += slope;
  }
  return {at::cat(parts), time};
}

double inner_product(const at::Tensor& x, const at::Tensor& y) {
  return (x.to(at::kDouble) * y.to(at::kDouble)).sum().item<double>();
}

}  // namespace

at::Tensor combine(double a, const at::Tensor& noise, const std::vector<double>& b,
                   const std::vector<at::Tensor>& velocities) {
  at::Tensor state = noise * a;
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (b[j] != 0) state.add_(velocities[j], b[j]);
  }
  return state;
}

FitSamples FitSamples::some(std::int64_t first, std::int64_t stride, std::int64_t most) const {
  const std::int64_t last = std::min(count(), first + stride * most);
  const auto part = [&](const at::Tensor& values) {
    return values.defined() ? values.slice(0, first, last, stride) : values;
  };
  return {part(noise), part(labels), part(endpoint)};
}

Trajectory follow(const FitField& field, const SolverTable& table, const FitSamples& samples) {
  Trajectory path;
  path.states.push_back(samples.noise);
  for (std::size_t i = 0; i < table.evaluations(); ++i) {
    path.velocities.push_back(velocity(field, table.t[i], path.states[i], samples.labels));
    path.states.push_back(combine(table.a[i], samples.noise, table.b[i], path.velocities));
  }
  return path;
}

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

at::Tensor endpoint_jacobian(const FitField& field, const SolverTable& table, const FitSamples& samples,
                             const Trajectory& path) {
  const std::vector<Unknown> unknowns = unknowns_of(table);
  const std::size_t n = table.evaluations();
  const std::int64_t count = samples.count();
  // Perturbed copies of the samples, in the order in which they come: each joins where it first differs. `alive` says
  // which unknown each copy perturbs; states (x_i) and velocities (u_0 … u_i) hold all copies, one after another.
  std::vector<std::size_t> alive;
  at::Tensor states;
  std::vector<at::Tensor> velocities(n);
  std::vector<at::Tensor> columns(unknowns.size());
  const auto column = [&](const at::Tensor& endpoint, double perturbation) {
    return ((endpoint - path.states[n]) / perturbation).to(at::kDouble).flatten(1);
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
      velocities[i] = velocity(field, table.t[i], states, repeated(samples.labels, copies));
    }
    for (std::size_t p = 0; p < unknowns.size(); ++p) {
      if (!unknowns[p].time || unknowns[p].row != i) continue;
      append(velocities[i], velocity(field, table.t[i] + time_perturbation, path.states[i], samples.labels));
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
        columns[p] = direction(unknowns[p]).to(at::kDouble).flatten(1);
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
  return at::stack(columns, 2);
}

std::vector<double> endpoint_gradient(const FitField& field, const SolverTable& table, const FitSamples& samples,
                                      const Trajectory& path, const at::Tensor& cotangent) {
  const std::size_t n = table.evaluations();
  std::vector<double> of_time(n, 0.0);
  std::vector<std::vector<double>> of_row(n);
  std::vector<at::Tensor> of_velocity(n);  // d / du_j: complete once all rows from j on have been seen
  at::Tensor of_state = cotangent;         // d / dx_{i+1}
  for (std::size_t i = n; i-- > 0;) {
    if (i + 1 < n) {
      of_row[i].push_back(inner_product(of_state, samples.noise));
      for (std::size_t j = 0; j <= i; ++j) of_row[i].push_back(inner_product(of_state, path.velocities[j]));
    }
    for (std::size_t j = 0; j <= i; ++j) {
      if (!of_velocity[j].defined()) of_velocity[j] = at::zeros_like(samples.noise);
      of_velocity[j].add_(of_state, table.b[i][j]);
    }
    // x_0 and t_0 are given.
    if (i > 0)
      std::tie(of_state, of_time[i]) = pull_back(field, table.t[i], path.states[i], samples.labels, of_velocity[i]);
  }
  std::vector<double> gradient(of_time.begin() + 1, of_time.end());
  for (const auto& row : of_row) gradient.insert(gradient.end(), row.begin(), row.end());
  return gradient;
}

}  // namespace pathline::tools
