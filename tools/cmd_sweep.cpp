// pathline sweep: every solver at every budget from the same noise, errors against a reference endpoint, as CSV and as
// a page to look at.

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/log.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/options.h"
#include "tools/picture.h"
#include "tools/progress.h"
#include "tools/provenance.h"
#include "tools/sampler.h"
#include "tools/sweep_report.h"
#include "tools/version.h"

namespace fs = std::filesystem;

namespace pathline::tools {

namespace {

/// Samples shown in the strips of the report.
constexpr std::int64_t strip_samples = 10;
/// The reference of a network must not run away on a field that no tolerance suits.
constexpr std::uint64_t reference_evaluations = 4000;
constexpr std::int64_t reference_steps = 200;

Options sweep_options() {
  Options options("pathline sweep",
                  "CHECKPOINT|--field FILE.ini --solvers A,B,… --steps N,… --tolerances T,… --out DIR",
                  "Compares solvers at equal cost. Every solver starts from the same noise, fixed-step ones with each "
                  "number of steps, adaptive "
                  "ones with each tolerance; the error is the distance from a reference endpoint: exact for --field, a "
                  "tight solution for a "
                  "checkpoint. Writes DIR/sweep.csv and DIR/report.html.");
  declare_model_options(options, 64);
  options.group("Solvers");
  options.value("solvers", "A,B,…", "names or plugin files", "euler,heun,dopri5");
  options.value("steps", "N,N,…", "for the fixed-step solvers", "4,8,16,32");
  options.value("tolerances", "T,T,…", "for the adaptive solvers: rtol = atol = T", "1e-2,1e-3,1e-4,1e-5");
  options.value("grid", "GRID", solver_grid_doc, "uniform");
  options.value("norm", "sample|batch", solver_norm_doc, "sample");
  options.repeated("param", "[solver:]name=value", "a parameter of one solver, or of every solver that has it");
  options.value("reference-tolerance", "T", "of the dopri5 solution that a checkpoint's solvers are measured against",
                "1e-6");
  options.group("Results");
  options.value("out", "DIR", "folder: made, or empty, or that of an earlier sweep, which is then replaced");
  options.epilogue(
      "Examples:\n"
      "  pathline sweep runs/fashion --solvers euler,heun,dopri5 --steps 4,8,16 --out sweep\n"
      "  pathline sweep --field configs/fields/smooth.ini --solvers heun,./my_solver.so --steps 8,16,32,64 --out "
      "sweep");
  return options;
}

/// The folder may be new, empty, or hold an earlier sweep; anything else could be somebody's work.
void prepare_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    throw Error(ExitCode::file_system, "is not a folder", folder.string());
  }
  if (fs::is_directory(folder, error) && !fs::is_empty(folder, error) && !fs::exists(folder / "sweep.csv", error)) {
    throw Error(ExitCode::usage, "the folder holds other files and no earlier sweep", folder.string(),
                "choose a new or empty folder for --out");
  }
  make_folder(folder);
  if (access(folder.c_str(), W_OK | X_OK) != 0) throw system_error(errno, "cannot write here", folder.string());
}

/// A solver with the parameters meant for it and the budgets it is to be run at.
struct Entry {
  std::shared_ptr<const solvers::Solver> solver;
  solvers::Parameters parameters;
};

bool has_parameter(const solvers::SolverInfo& info, const std::string& name) {
  return std::any_of(info.parameters.begin(), info.parameters.end(),
                     [&](const auto& parameter) { return parameter.name == name; });
}

/// "name=value" goes to every solver with that parameter, "id:name=value" to one.
void give_parameters(const Options& options, std::vector<Entry>& entries) {
  for (const std::string& text : options.all("param")) {
    const auto [left, value] = split_parameter(text);
    const auto colon = left.find(':');
    const bool addressed = colon != std::string::npos;
    const std::string id = addressed ? left.substr(0, colon) : "", name = addressed ? left.substr(colon + 1) : left;
    bool taken = false;
    for (Entry& entry : entries) {
      const solvers::SolverInfo& info = entry.solver->info();
      if ((addressed && info.id != id) || !has_parameter(info, name)) continue;
      if (!entry.parameters.emplace(name, solvers::parse_parameter(info, name, value)).second) {
        options.fail("param", fmt::format("parameter '{}' of {} given more than once", name, info.id));
      }
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

std::vector<Entry> choose_solvers(const Options& options) {
  std::vector<Entry> entries;
  for (const std::string& name : options.texts("solvers")) {
    Entry entry{solvers::find_solver(name), {}};
    const auto same = std::find_if(entries.begin(), entries.end(), [&](const Entry& other) {
      return other.solver->info().id == entry.solver->info().id;
    });
    if (same != entries.end())
      options.fail("solvers", fmt::format("the solver {} is named twice", entry.solver->info().id));
    entries.push_back(std::move(entry));
  }
  const auto adaptive = [](const Entry& entry) { return entry.solver->info().adaptive; };
  if (options.has("steps") && std::all_of(entries.begin(), entries.end(), adaptive)) {
    options.fail("steps", "all the solvers are adaptive and choose their own steps", "give --tolerances");
  }
  if (options.has("tolerances") && std::none_of(entries.begin(), entries.end(), adaptive)) {
    options.fail("tolerances", "all the solvers have fixed steps and cannot meet a tolerance", "give --steps");
  }
  give_parameters(options, entries);
  for (const Entry& entry : entries) solvers::check_parameters(*entry.solver, entry.parameters);
  return entries;
}

/// The cells to fill, with everything known before running.
struct PlannedCell {
  SweepCell cell;
  const Entry* entry;
  solvers::IntegrateOptions integrate;
};

std::vector<PlannedCell> plan(const Options& options, const std::vector<Entry>& entries) {
  const auto steps = options.integers("steps", 1, 10'000'000);
  const auto tolerances = options.reals("tolerances", 1e-15, 1);
  std::vector<PlannedCell> cells;
  for (const Entry& entry : entries) {
    const solvers::SolverInfo& info = entry.solver->info();
    PlannedCell planned;
    planned.entry = &entry;
    planned.integrate.parameters = entry.parameters;
    planned.cell.solver = info.id;
    planned.cell.version = info.version;
    planned.cell.plugin_sha256 = info.sha256;
    planned.cell.params = describe_parameters(info, entry.parameters);
    planned.cell.order = info.order;
    planned.cell.adaptive = info.adaptive;
    if (info.adaptive) {
      planned.integrate.grid = {0.0, 1.0};
      planned.integrate.batch_norm = options.choice("norm", solver_norms) == "batch";
      for (double tolerance : tolerances) {
        planned.integrate.rtol = planned.integrate.atol = planned.cell.rtol = planned.cell.atol = tolerance;
        cells.push_back(planned);
      }
    } else {
      planned.cell.grid = options.text("grid");
      for (std::int64_t n : steps) {
        planned.integrate.grid = solvers::make_grid(planned.cell.grid, n);
        planned.cell.steps = n;
        cells.push_back(planned);
      }
    }
  }
  return cells;
}

/// The endpoints that errors are measured against, how they were had, and their own RMS uncertainty.
struct Reference {
  at::Tensor endpoint;  ///< rank 0 only
  std::string description;
  double uncertainty = 0;
};

double rms(const at::Tensor& difference) {
  return std::sqrt(difference.to(at::kDouble).square().mean().item<double>());
}

class ReferenceMaker {
 public:
  ReferenceMaker(OpenedModel& opened, parallel::Communicator& communicator)
      : opened_(opened), communicator_(communicator) {}

  Reference make(double tolerance) {
    if (!opened_.checkpoint) return exact();
    // bfloat16 rounds velocities to three digits: step control would chase that noise, so fixed steps serve there.
    if (opened_.precision != "bf16") {
      Reference adaptive = from_dopri5(tolerance);
      if (!adaptive.description.empty()) return adaptive;
      if (communicator_.rank() == 0)
        log_warning("dopri5 did not reach t = 1 at the reference tolerance; the reference is Heun's instead");
    }
    return from_heun();
  }

 private:
  Reference exact() {
    Reference reference{{}, "the exact endpoint F⁻¹(Φ(x₀)) of the mixture", 0};
    if (communicator_.rank() == 0) {
      // In double precision even for single-precision states: the reference should not be rounded with what it judges.
      const at::Tensor noise = opened_.request.noise(0, opened_.request.count).to(at::kDouble);
      reference.endpoint = opened_.model->exact_endpoint(noise);
    }
    return reference;
  }

  DrawResult draw(const solvers::Solver& solver, const solvers::IntegrateOptions& integrate, const std::string& what) {
    DrawRequest request = opened_.request;
    request.integrate = integrate;
    Progress progress("reference", communicator_.rank() != 0);
    return draw_samples(*opened_.model, solver, request, communicator_,
                        [&](double fraction) { progress.update(fraction, what); });
  }

  /// Error of a dopri5 solution is about proportional to its tolerance: the one at 4 T differs from the one at T by 3
  /// times the latter's error. The same holds for Heun with half the steps, whose error falls with their square.
  double a_third_of_the_distance(const DrawResult& fine, const DrawResult& coarse) {
    return communicator_.rank() == 0 ? rms(fine.raw - coarse.raw) / 3 : 0;
  }

  Reference from_dopri5(double tolerance) {
    const auto solver = solvers::find_solver("dopri5");
    solvers::IntegrateOptions integrate;
    integrate.grid = {0.0, 1.0};
    integrate.max_evaluations = reference_evaluations;
    integrate.rtol = integrate.atol = tolerance;
    const std::string what = fmt::format("dopri5 with rtol = atol = {:g}", tolerance);
    const DrawResult fine = draw(*solver, integrate, what);
    if (!fine.done()) return {};
    integrate.rtol = integrate.atol = 4 * tolerance;
    const DrawResult coarse = draw(*solver, integrate, "checking the reference");
    if (!coarse.done()) return {};
    return {fine.raw, fmt::format("{} ({:g} evaluations)", what, fine.evaluations()),
            a_third_of_the_distance(fine, coarse)};
  }

  Reference from_heun() {
    const auto solver = solvers::find_solver("heun");
    solvers::IntegrateOptions integrate;
    integrate.grid = solvers::make_grid("uniform", reference_steps);
    const std::string what = fmt::format("Heun with {} steps", reference_steps);
    const DrawResult fine = draw(*solver, integrate, what);
    if (!fine.done()) fail_draw(solver->info(), fine);
    integrate.grid = solvers::make_grid("uniform", reference_steps / 2);
    const DrawResult coarse = draw(*solver, integrate, "checking the reference");
    if (!coarse.done()) fail_draw(solver->info(), coarse);
    return {fine.raw, what, a_third_of_the_distance(fine, coarse)};
  }

  OpenedModel& opened_;
  parallel::Communicator& communicator_;
};

std::string strip_png(const OpenedModel& opened, const at::Tensor& raw) {
  const std::int64_t shown = std::min(strip_samples, opened.request.count);
  const data::ImageShape& shape = opened.model->shape();
  const std::vector<std::uint8_t> bytes = image_bytes(raw.narrow(0, 0, shown), shape, opened.mean, opened.scale);
  GridRows rows(1);
  for (std::int64_t i = 0; i < shown; ++i) rows[0].push_back(i);
  return encode_png(tile(bytes, shape, rows, {.scale = 2, .gap = 2, .background = 0}));
}

/// First use of a model pays for thread pools and weight layouts; that should not count against the first cell.
void warm_up(OpenedModel& opened) {
  const at::NoGradGuard no_gradients;
  DrawRequest request = opened.request;
  request.count = request.batch;
  const at::Tensor state = request.noise(0, request.batch).to(opened.model->device(), opened.model->dtype());
  at::Tensor labels, out = at::empty_like(state);
  if (!request.labels.empty()) labels = at::full({request.batch}, request.labels[0], state.options().dtype(at::kLong));
  opened.model->velocity(0.0, state, labels, out);
}

void run_cell(PlannedCell& planned, OpenedModel& opened, const Reference& reference,
              parallel::Communicator& communicator, const std::function<void(double)>& progress) {
  DrawRequest request = opened.request;
  request.integrate = planned.integrate;
  const DrawResult result = draw_samples(*opened.model, *planned.entry->solver, request, communicator, progress);
  SweepCell& cell = planned.cell;
  cell.evaluations = result.evaluations();
  cell.network_passes = cell.evaluations * opened.model->passes_per_evaluation();
  cell.accepted = result.accepted();
  cell.rejected = result.rejected();
  cell.status = solvers::to_string(result.worst().status);
  cell.t_final = result.worst().t_final;
  cell.seconds = result.seconds();
  cell.solver_seconds = result.solver_seconds();
  cell.message = result.worst().message;
  if (communicator.rank() != 0 || !result.done()) return;
  const at::Tensor difference = (result.raw - reference.endpoint).to(at::kDouble);
  cell.rms_error = rms(difference);
  cell.max_error = difference.abs().max().item<double>();
  cell.strip_png = strip_png(opened, result.raw);
}

SweepSetting describe(const Options& options, const OpenedModel& opened, const Reference& reference,
                      const CommandContext& context, int ranks) {
  const data::ImageShape& shape = opened.model->shape();
  SweepSetting setting;
  setting.model = opened.source;
  setting.model_sha256 = opened.source_sha256;
  setting.weights = opened.weights;
  setting.precision = opened.precision;
  setting.dtype = opened.dtype;
  setting.device = opened.device;
  if (opened.model->classes() > 0) {
    setting.guidance = opened.guidance;
    setting.labels = options.has("label") ? options.text("label") : "all";
  }
  setting.count = opened.request.count;
  setting.batch = opened.request.batch;
  setting.seed = opened.seed;
  setting.initial = opened.initial;
  setting.threads = opened.threads;
  setting.ranks = ranks;
  setting.shape = fmt::format("{} × {} × {}", shape.channels, shape.height, shape.width);
  setting.passes_per_evaluation = opened.model->passes_per_evaluation();
  setting.reference = reference.description;
  setting.reference_uncertainty = reference.uncertainty;
  setting.reference_png = strip_png(opened, reference.endpoint);
  setting.command = quote_command(context.command_line);
  setting.versions = version_line();
  setting.created = utc_now();
  return setting;
}

void print_table(const std::vector<SweepCell>& cells) {
  fmt::print("{:<12} {:<18} {:>11} {:>12} {:>12} {:>9}  {}\n", "solver", "budget", "evaluations", "rms error",
             "max error", "seconds", "status");
  for (const SweepCell& cell : cells) {
    const auto error = [&](double value) { return cell.done() ? fmt::format("{:.3e}", value) : std::string("-"); };
    fmt::print("{:<12} {:<18} {:>11g} {:>12} {:>12} {:>9.3g}  {}\n", cell.solver, cell.budget(), cell.evaluations,
               error(cell.rms_error), error(cell.max_error), cell.seconds, cell.status);
  }
}

}  // namespace

int run_sweep(const std::vector<std::string>& arguments, CommandContext& context) {
  Options options = sweep_options();
  if (!options.parse(arguments)) return 0;
  const auto communicator = context.mpi->communicator();
  const bool root = communicator->rank() == 0;

  const std::vector<Entry> entries = choose_solvers(options);
  std::vector<PlannedCell> planned = plan(options, entries);
  const double reference_tolerance = options.real("reference-tolerance", 1e-12, 1e-2);
  const fs::path folder = options.text("out");
  const bool stochastic =
      std::any_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.solver->info().stochastic; });
  OpenedModel opened = open_model(options, *communicator, stochastic);
  if (!opened.checkpoint && options.has("reference-tolerance")) {
    options.fail("reference-tolerance", "a closed-form field has an exact reference", "leave it out");
  }
  parallel::together(*communicator, [&] {
    if (root) prepare_folder(folder);
  });

  warm_up(opened);
  const Reference reference = ReferenceMaker(opened, *communicator).make(reference_tolerance);
  {
    Progress progress("sweep", !root);
    for (std::size_t i = 0; i < planned.size(); ++i) {
      const auto done = static_cast<double>(i), all = static_cast<double>(planned.size());
      const std::string what = planned[i].cell.solver + ", " + planned[i].cell.budget();
      run_cell(planned[i], opened, reference, *communicator,
               [&](double fraction) { progress.update((done + fraction) / all, what); });
    }
  }

  std::vector<SweepCell> cells;
  for (PlannedCell& cell : planned) cells.push_back(std::move(cell.cell));
  parallel::together(*communicator, [&] {
    if (!root) return;
    const SweepSetting setting = describe(options, opened, reference, context, communicator->size());
    // The CSV comes last: a folder that has it has a whole sweep.
    write_file_durably(folder / "report.html", sweep_report(setting, cells));
    write_file_durably(folder / "sweep.csv", sweep_csv(setting, cells));
  });
  if (root) {
    print_table(cells);
    fmt::print(
        "\nerrors against {}{}\nwrote {} and {}\n", reference.description,
        reference.uncertainty > 0 ? fmt::format(", itself good to about {:.1e} (RMS)", reference.uncertainty) : "",
        (folder / "sweep.csv").string(), (folder / "report.html").string());
  }
  if (std::none_of(cells.begin(), cells.end(), [](const SweepCell& cell) { return cell.done(); })) {
    throw Error(ExitCode::numerical,
                fmt::format("no solver reached t = 1; the first stopped with: {} {}", cells.front().status,
                            cells.front().message),
                folder.string(), "the table and the report say how each one ended");
  }
  return 0;
}

}  // namespace pathline::tools
