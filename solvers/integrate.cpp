#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <cxxabi.h>
#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "solvers/arithmetic.h"
#include "solvers/integration.h"
#include "solvers/loaded_solver.h"
#include "solvers/plugin_call.h"

namespace pathline::solvers {
namespace {

void check_state(const at::Tensor& y) {
  if (!y.defined() || y.dim() < 1 || y.numel() == 0 || !y.is_contiguous() ||
      (y.scalar_type() != at::kFloat && y.scalar_type() != at::kDouble)) {
    throw Error(ExitCode::usage, "the state must be a contiguous, non-empty float32 or float64 tensor of shape [B, …]");
  }
  if (!is_finite(y)) throw Error(ExitCode::bad_input, "the initial state holds NaN or infinite values");
}

void check_grid(const SolverInfo& solver, const std::vector<double>& grid) {
  if (grid.empty()) throw Error(ExitCode::usage, "the time grid is empty");
  for (std::size_t i = 0; i < grid.size(); ++i) {
    const bool ascending = grid.back() > grid.front();
    if (!std::isfinite(grid[i]) || (i > 0 && !(ascending ? grid[i] > grid[i - 1] : grid[i] < grid[i - 1]))) {
      throw Error(ExitCode::usage,
                  fmt::format("expected finite, strictly monotonic times, found {} at position {}", grid[i], i),
                  "time grid");
    }
  }
  if (grid.back() < grid.front() && !solver.descending) {
    throw Error(ExitCode::usage, fmt::format("solver {} does not integrate from large to small t", solver.id));
  }
}

void check_limits(const SolverInfo& solver, const IntegrateOptions& options) {
  if (solver.adaptive && !(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0 &&
                           std::isfinite(options.rtol) && std::isfinite(options.atol))) {
    throw Error(ExitCode::usage,
                fmt::format("expected tolerances of at least 0 and not both 0, found rtol = {}, atol = {}",
                            options.rtol, options.atol));
  }
  const double needed = static_cast<double>(options.grid.size() - 1) * solver.evaluations_per_step;
  if (!solver.adaptive && needed > static_cast<double>(options.max_evaluations)) {
    throw Error(ExitCode::usage, fmt::format("{} steps of {} need {:.0f} evaluations; the limit is {}",
                                             options.grid.size() - 1, solver.id, needed, options.max_evaluations));
  }
}

void check_noise(const SolverInfo& solver, const IntegrateOptions& options, std::int64_t samples) {
  if (!solver.stochastic) return;
  if (!options.noise) {
    throw Error(ExitCode::usage,
                fmt::format("solver {} draws noise and needs to know which samples these are", solver.id));
  }
  if (static_cast<std::int64_t>(options.noise->samples.size()) != samples) {
    throw Error(ExitCode::usage,
                fmt::format("{} sample numbers for the noise of {} samples", options.noise->samples.size(), samples));
  }
}

/// The text parameters with their values.
Parameters text_values(const SolverInfo& solver, const Parameters& given) {
  Parameters texts;
  for (const Parameter& parameter : solver.parameters) {
    if (!parameter.text) continue;
    const auto found = given.find(parameter.name);
    if (found == given.end() && !parameter.default_text) {
      throw Error(ExitCode::usage, fmt::format("solver {} needs its parameter '{}'", solver.id, parameter.name), {},
                  fmt::format("give --param {}={}", parameter.name, parameter.file ? "FILE" : "TEXT"));
    }
    texts.emplace(parameter.name, found != given.end()
                                      ? found->second
                                      : parse_parameter(solver, parameter.name, *parameter.default_text));
  }
  return texts;
}

std::vector<double> parameter_values(const SolverInfo& solver, const Parameters& given) {
  std::vector<double> values;
  std::vector<std::string> names;
  for (const Parameter& parameter : solver.parameters) {
    names.push_back(parameter.name);
    if (parameter.text) continue;
    const auto found = given.find(parameter.name);
    const double value = found == given.end() ? parameter.default_value : found->second.number;
    if (!(value >= parameter.minimum && value <= parameter.maximum) ||
        (parameter.integer && std::floor(value) != value)) {
      throw Error(ExitCode::usage,
                  fmt::format("expected {} from {} to {}, found {}", parameter.integer ? "a whole number" : "a number",
                              parameter.minimum, parameter.maximum, value),
                  fmt::format("parameter {} of solver {}", parameter.name, solver.id));
    }
    values.push_back(value);
  }
  for (const auto& entry : given) {
    if (std::find(names.begin(), names.end(), entry.first) == names.end()) parse_parameter(solver, entry.first, "");
  }
  return values;
}

/// Calls a function of the solver. A C++ plugin that lets an exception out is caught here, on this side of its frames.
template <typename F>
auto call_plugin(const SolverInfo& solver, const char* function, F f) {
  const PluginCall call(solver.file, solver.id, function);
  try {
    return f();
  } catch (const abi::__forced_unwind&) {
    PluginCall::end_if_inside("called pthread_exit()");
    throw;
  } catch (...) {
    throw Error(ExitCode::bad_input,
                fmt::format("solver {} let a C++ exception out of its {} function", solver.id, function),
                solver.file.string(), "the plugin breaks the rules of docs/solver-abi.md; its author must correct it");
  }
}

/// create, integrate, destroy.
pathline_status run(const LoadedSolver& solver, Integration& integration, const std::vector<double>& values,
                    const IntegrateOptions& options) {
  const pathline_solver& table = solver.table();
  pathline_problem problem{};
  problem.struct_size = sizeof problem;
  problem.steps = static_cast<std::uint32_t>(options.grid.size() - 1);
  problem.t = options.grid.data();
  problem.rtol = options.rtol;
  problem.atol = options.atol;
  void* instance = nullptr;
  if (table.create) {
    const pathline_status created = call_plugin(
        solver.info(), "create", [&] { return table.create(integration.host(), values.data(), &instance); });
    if (created != PATHLINE_OK) return created;
  }
  pathline_status status = call_plugin(solver.info(), "integrate", [&] {
    return table.integrate(instance, integration.host(), &problem, integration.state());
  });
  if (table.destroy) {
    call_plugin(solver.info(), "destroy", [&] { table.destroy(instance, integration.host()); });
  }
  return integration.status_of_integrate(status);
}

}  // namespace

std::string to_string(Status status) {
  switch (status) {
    case Status::done:
      return "done";
    case Status::cancelled:
      return "cancelled";
    case Status::non_finite:
      return "non_finite";
    case Status::step_too_small:
      return "step_too_small";
    case Status::too_many_steps:
      return "too_many_steps";
    case Status::out_of_memory:
      return "out_of_memory";
    case Status::host_error:
      return "host_error";
    case Status::bad_parameter:
      return "bad_parameter";
    case Status::failed:
      return "failed";
  }
  return "unknown";
}

IntegrateResult integrate(const Solver& solver, at::Tensor& y, const VelocityField& field,
                          const IntegrateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto& loaded = dynamic_cast<const LoadedSolver&>(solver);
  const at::NoGradGuard no_grad;
  check_grid(solver.info(), options.grid);
  check_limits(solver.info(), options);
  const std::vector<double> values = parameter_values(solver.info(), options.parameters);
  const Parameters texts = text_values(solver.info(), options.parameters);
  check_state(y);
  check_noise(solver.info(), options, y.size(0));

  Integration integration(solver.info(), y, field, options, texts);
  const pathline_status returned = run(loaded, integration, values, options);
  IntegrateResult result = integration.finish(returned);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

void check_parameters(const Solver& solver, const Parameters& given) {
  // Over a grid of one time there is nothing to integrate: what remains is create and destroy.
  IntegrateOptions options;
  options.grid = {0};
  options.parameters = given;
  options.noise = NoiseKeys{0, {0}};
  options.on_remark = [](std::int32_t, const std::string&) {};
  at::Tensor state = at::zeros({1, 1});
  const IntegrateResult result = integrate(
      solver, state, [](double, const at::Tensor&, at::Tensor& out) { out.zero_(); }, options);
  if (result.status == Status::done) return;
  const std::string place = fmt::format("parameters of solver {}", solver.info().id);
  if (result.status != Status::bad_parameter) {
    throw Error(ExitCode::bad_input,
                fmt::format("an instance of the solver could not be made and ended: {}; {}", to_string(result.status),
                            result.message),
                solver.info().file.string(), "`pathline solvers check` examines the plugin");
  }
  if (given.empty()) {
    throw Error(ExitCode::bad_input, "the solver refuses its own defaults: " + result.message, place,
                "the plugin breaks the rules of docs/solver-abi.md; its author must correct it");
  }
  const bool has_file =
      std::any_of(given.begin(), given.end(), [](const auto& entry) { return entry.second.contents != nullptr; });
  throw Error(has_file ? ExitCode::bad_input : ExitCode::usage, result.message, place);
}

}  // namespace pathline::solvers
