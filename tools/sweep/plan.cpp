#include "tools/sweep/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/log.h"
#include "tools/model_options.h"
#include "tools/provenance.h"

namespace pathline::tools {

namespace {

constexpr std::int64_t most_steps = 10'000'000, most_evaluations = 100'000;
/// In the value of a text parameter: replaced by the number of steps of the cell.
constexpr const char* steps_placeholder = "{steps}";

bool has_parameter(const solvers::SolverInfo& info, const std::string& name) {
  return std::any_of(info.parameters.begin(), info.parameters.end(),
                     [&](const auto& parameter) { return parameter.name == name; });
}

/// "name=value" goes to every solver with that parameter, "id:name=value" to one.
void give_parameters(const Options& options, std::vector<SweepSolver>& entries) {
  for (const std::string& text : options.all("param")) {
    const auto [left, value] = split_parameter(text);
    const auto colon = left.find(':');
    const bool addressed = colon != std::string::npos;
    const std::string id = addressed ? left.substr(0, colon) : "", name = addressed ? left.substr(colon + 1) : left;
    bool taken = false;
    for (SweepSolver& entry : entries) {
      const solvers::SolverInfo& info = entry.solver->info();
      if ((addressed && info.id != id) || !has_parameter(info, name)) continue;
      const bool repeated = std::any_of(entry.parameters.begin(), entry.parameters.end(),
                                        [&name = name](const auto& given) { return given.first == name; });
      if (repeated) options.fail("param", fmt::format("parameter '{}' of {} given more than once", name, info.id));
      entry.parameters.emplace_back(name, value);
      taken = true;
    }
    if (!taken) {
      options.fail("param",
                   addressed ? fmt::format("no solver '{}' with a parameter '{}' is in the sweep", id, name)
                             : fmt::format("none of the solvers has a parameter '{}'", name),
                   "pathline solvers describe NAME lists them");
    }
  }
}

std::vector<SweepSolver> choose_solvers(const Options& options) {
  std::vector<SweepSolver> entries;
  for (const std::string& name : options.texts("solvers")) {
    SweepSolver entry{solvers::find_solver(name), {}};
    const auto same = std::find_if(entries.begin(), entries.end(), [&](const SweepSolver& other) {
      return other.solver->info().id == entry.solver->info().id;
    });
    if (same != entries.end())
      options.fail("solvers", fmt::format("the solver {} is named twice", entry.solver->info().id));
    entries.push_back(std::move(entry));
  }
  const auto adaptive = [](const SweepSolver& entry) { return entry.solver->info().adaptive; };
  for (const char* name : {"steps", "evaluations"}) {
    if (options.has(name) && std::all_of(entries.begin(), entries.end(), adaptive)) {
      options.fail(name, "all the solvers are adaptive and choose their own steps", "give --tolerances");
    }
  }
  if (options.has("tolerances") && std::none_of(entries.begin(), entries.end(), adaptive)) {
    options.fail("tolerances", "all the solvers have fixed steps and cannot meet a tolerance",
                 "give --evaluations or --steps");
  }
  if (options.has("steps") && options.has("evaluations")) {
    options.fail("evaluations", "--steps and --evaluations are two ways to say the same: give one");
  }
  give_parameters(options, entries);
  return entries;
}

/// The solver's parameters for a cell of this many steps, read and checked.
void set_parameters(const SweepSolver& entry, std::int64_t steps, solvers::IntegrateOptions& integrate) {
  for (auto [name, text] : entry.parameters) {
    if (const auto at = text.find(steps_placeholder); at != std::string::npos) {
      text.replace(at, std::string(steps_placeholder).size(), std::to_string(steps));
    }
    integrate.parameters.emplace(name, read_parameter(entry.solver->info(), name, text));
  }
  solvers::check_parameters(*entry.solver, integrate.parameters);
}

/// Evaluations that the cell will take, counted by the host on a field that stands still: the declared number leaves
/// out what the first step of a multistep method costs.
std::uint64_t count_evaluations(const solvers::Solver& solver, const solvers::IntegrateOptions& integrate) {
  at::Tensor state = at::zeros({1, 1}, at::dtype(at::kDouble));
  return solvers::integrate(
             solver, state, [](double, const at::Tensor&, at::Tensor& out) { out.zero_(); }, integrate)
      .evaluations;
}

PlannedCell cell_of(const SweepSolver& entry) {
  const solvers::SolverInfo& info = entry.solver->info();
  PlannedCell planned;
  planned.solver = entry.solver;
  planned.cell.solver = info.id;
  planned.cell.version = info.version;
  planned.cell.plugin_sha256 = info.sha256;
  planned.cell.plugin_file = info.file.string();
  planned.cell.order = info.order;
  planned.cell.adaptive = info.adaptive;
  planned.cell.stochastic = info.stochastic;
  return planned;
}

PlannedCell cell_of_steps(const Options& options, const SweepSolver& entry, std::int64_t steps) {
  PlannedCell planned = cell_of(entry);
  planned.cell.grid = options.text("grid");
  planned.cell.steps = steps;
  planned.integrate.grid = solvers::make_grid(planned.cell.grid, steps);
  set_parameters(entry, steps, planned.integrate);
  planned.cell.params = describe_parameters(entry.solver->info(), planned.integrate.parameters);
  return planned;
}

PlannedCell cell_of_tolerance(const Options& options, const SweepSolver& entry, double tolerance) {
  PlannedCell planned = cell_of(entry);
  planned.integrate.grid = {0.0, 1.0};
  planned.integrate.batch_norm = options.choice("norm", solver_norms) == "batch";
  planned.integrate.rtol = planned.integrate.atol = planned.cell.rtol = planned.cell.atol = tolerance;
  set_parameters(entry, 0, planned.integrate);
  planned.cell.params = describe_parameters(entry.solver->info(), planned.integrate.parameters);
  return planned;
}

/// As many steps as `evaluations` pay for; nothing if that is not even one.
std::optional<PlannedCell> cell_of_cost(const Options& options, const SweepSolver& entry, std::int64_t evaluations) {
  const solvers::SolverInfo& info = entry.solver->info();
  auto steps = static_cast<std::int64_t>(static_cast<double>(evaluations) / info.evaluations_per_step);
  while (steps >= 1) {
    PlannedCell planned = cell_of_steps(options, entry, steps);
    // A stochastic solver wants noise, which there is none of here: what it declares has to do.
    const std::uint64_t counted = info.stochastic ? 0 : count_evaluations(*entry.solver, planned.integrate);
    if (counted <= static_cast<std::uint64_t>(evaluations)) return planned;
    const double beyond = static_cast<double>(counted) - static_cast<double>(evaluations);
    steps -= static_cast<std::int64_t>(std::ceil(beyond / info.evaluations_per_step));
  }
  log_warning(fmt::format("{} has no cell at {} evaluations: a step costs more", info.id, evaluations));
  return std::nullopt;
}

void add_cells_of_cost(const Options& options, const SweepSolver& entry, std::vector<PlannedCell>& cells) {
  std::set<std::int64_t> known;
  for (const std::int64_t evaluations : options.integers("evaluations", 1, most_evaluations)) {
    auto planned = cell_of_cost(options, entry, evaluations);
    if (planned && known.insert(planned->cell.steps).second) cells.push_back(std::move(*planned));
  }
}

}  // namespace

double PlannedCell::cost() const {
  const solvers::SolverInfo& info = solver->info();
  const double per_step = std::max(1.0, info.evaluations_per_step);
  if (!info.adaptive) return static_cast<double>(cell.steps) * per_step;
  // An error of order p + 1 per step: steps grow like the tolerance to the power -1/(p + 1). The factor is that of
  // dopri5 on networks.
  return 1.5 * per_step * std::pow(integrate.rtol, -1.0 / (info.order + 1));
}

void declare_plan_options(Options& options) {
  options.group("Solvers");
  options.value("solvers", "A,B,…", "names or plugin files", "euler,heun,dopri5");
  options.value("evaluations", "N,N,…",
                "equal cost: each fixed-step solver takes as many steps as N evaluations of the field pay for",
                "4,8,16,32");
  options.value("steps", "N,N,…", "in place of --evaluations: steps of the fixed-step solvers");
  options.value("tolerances", "T,T,…", "for the adaptive solvers: rtol = atol = T", "1e-2,1e-3,1e-4,1e-5");
  options.value("grid", "GRID", solver_grid_doc, "uniform");
  options.value("norm", "sample|batch", solver_norm_doc, "sample");
  options.repeated("param", "[solver:]name=value",
                   "a parameter of one solver, or of every solver that has it; {steps} in a value stands for the "
                   "number of steps of the cell");
}

std::vector<PlannedCell> plan_sweep(const Options& options) {
  const auto tolerances = options.reals("tolerances", 1e-15, 1);
  std::vector<PlannedCell> cells;
  for (const SweepSolver& entry : choose_solvers(options)) {
    if (entry.solver->info().adaptive) {
      for (const double tolerance : tolerances) cells.push_back(cell_of_tolerance(options, entry, tolerance));
    } else if (options.has("steps")) {
      for (const std::int64_t steps : options.integers("steps", 1, most_steps))
        cells.push_back(cell_of_steps(options, entry, steps));
    } else {
      add_cells_of_cost(options, entry, cells);
    }
  }
  if (cells.empty()) options.fail("evaluations", "too few for a single step of any of the solvers");
  return cells;
}

std::vector<int> share_out(const std::vector<double>& costs, int ranks) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return costs[a] > costs[b]; });
  std::vector<double> load(static_cast<std::size_t>(ranks), 0);
  std::vector<int> owner(costs.size());
  for (const std::size_t cell : order) {
    const auto least = std::min_element(load.begin(), load.end()) - load.begin();
    owner[cell] = static_cast<int>(least);
    load[static_cast<std::size_t>(least)] += costs[cell];
  }
  return owner;
}

}  // namespace pathline::tools
