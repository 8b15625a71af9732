// pathline sweep: every solver at every budget from the same noise, errors against a reference endpoint, as CSV, HDF5
// and a page to look at. The parts are in tools/sweep/.

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/log.h"
#include "core/run_lock.h"
#include "core/stop_signal.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/provenance.h"
#include "tools/sweep/output.h"
#include "tools/sweep/plan.h"
#include "tools/sweep/reference.h"
#include "tools/sweep/report.h"
#include "tools/sweep/run.h"
#include "tools/sweep/store.h"
#include "tools/version.h"
#include "trainer/parallel/agreement.h"
#include "trainer/parallel/heartbeat.h"

namespace fs = std::filesystem;

namespace pathline::tools {

namespace {

/// Samples shown in the strips of the report.
constexpr std::int64_t strip_samples = 10;
constexpr std::size_t most_models = 100;

Options sweep_options() {
  Options options(
      "pathline sweep", "CHECKPOINT…|--field FILE.ini… --solvers A,B,… --evaluations N,… --tolerances T,… --out DIR",
      "Compares solvers at equal cost. Every solver starts from the same noise, fixed-step ones at each "
      "number of evaluations (or of steps), adaptive ones at each tolerance; the error is the distance from "
      "a reference endpoint: exact for --field, a tight solution for a checkpoint. Writes DIR/sweep.csv, "
      "DIR/sweep.h5 and DIR/report.html. Finished cells are kept in DIR/.cells: the same command goes on "
      "after a kill or Ctrl-C. Under mpirun the cells are shared out among the ranks.");
  declare_model_options(options, 64, most_models);
  declare_timeout(options);
  declare_plan_options(options);
  options.value("reference-tolerance", "T", "of the dopri5 solution that a checkpoint's solvers are measured against",
                "1e-6");
  options.group("Results");
  options.value("out", "DIR", "folder: made, or empty, or that of an earlier sweep, which is then replaced");
  options.flag("fresh", "run every cell, also those that are kept in DIR");
  options.paths({"solvers", "out"});
  options.epilogue(
      "Examples:\n"
      "  pathline sweep runs/fashion --solvers euler,heun,dopri5 --evaluations 4,8,16 --out sweep\n"
      "  pathline sweep runs/a runs/b --solvers heun --steps 4,8 --out sweep\n"
      "  pathline sweep --field configs/fields/smooth.ini --solvers heun,./my_solver.so --steps 8,16,32,64 --out "
      "sweep");
  return options;
}

/// The folder may be new, empty, or hold an earlier sweep, finished or not; anything else could be somebody's work.
void prepare_folder(const fs::path& folder, const fs::path& cells, bool fresh) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    throw Error(ExitCode::file_system, "is not a folder", folder.string());
  }
  if (fs::is_directory(folder, error) && !fs::is_empty(folder, error) && !fs::exists(folder / "sweep.csv", error) &&
      !fs::exists(cells, error)) {
    throw Error(ExitCode::usage, "the folder holds other files and no earlier sweep", folder.string(),
                "choose a new or empty folder for --out");
  }
  make_folder(cells);
  if (access(folder.c_str(), W_OK | X_OK) != 0) throw system_error(errno, "cannot write here", folder.string());
  remove_stale_temporaries(folder);
  remove_stale_temporaries(cells);
  if (fresh) CellStore(cells).keep_only({});
}

SweepModel describe(const Options& options, const OpenedModel& opened, const Reference& reference, std::int64_t shown) {
  SweepModel model;
  model.name = opened.source;
  model.sha256 = opened.source_sha256;
  model.weights = opened.weights;
  model.precision = opened.precision;
  model.dtype = opened.dtype;
  model.device = opened.device;
  if (opened.model->classes() > 0) {
    model.guidance = opened.guidance;
    model.labels = options.has("label") ? options.text("label") : "all";
  }
  model.batch = opened.request.batch;
  model.threads = opened.threads;
  model.shape = opened.model->shape();
  model.mean = opened.mean;
  model.scale = opened.scale;
  model.passes_per_evaluation = opened.model->passes_per_evaluation();
  model.reference = reference.description;
  model.reference_uncertainty = reference.uncertainty;
  model.reference_strip = strip_of(reference.endpoint, shown);
  model.noise_strip = strip_of(opened.request.noise(0, shown), shown);
  return model;
}

void print_table(const Sweep& sweep) {
  for (std::size_t i = 0; i < sweep.models.size(); ++i) {
    const SweepModel& model = sweep.models[i];
    if (sweep.models.size() > 1) print("{}{}\n", i > 0 ? "\n" : "", plain_line(model.name));
    print("{:<12} {:<18} {:>11} {:>12} {:>12} {:>12} {:>9}  {}\n", "solver", "budget", "evaluations", "rms error",
          "99 % below", "max error", "seconds", "status");
    for (const SweepCell* cell : sweep.cells_of(i)) {
      const CellOutcome& outcome = cell->outcome;
      const auto error = [&](double value) { return cell->done() ? fmt::format("{:.3e}", value) : std::string("-"); };
      print("{:<12} {:<18} {:>11g} {:>12} {:>12} {:>12} {:>9.3g}  {}{}\n", cell->solver, cell->budget(),
            outcome.evaluations, error(outcome.rms_error), error(percentile(outcome.sample_rms, 0.99)),
            error(outcome.max_error), outcome.seconds, outcome.status,
            sweep.near_reference(*cell) ? ", near the reference's own error" : "");
    }
    print("errors against {}{}\n", model.reference,
          model.reference_uncertainty > 0
              ? fmt::format(", which a second solution misses by {:.1e} (RMS)", model.reference_uncertainty)
              : "");
  }
}

void write_files(const Sweep& sweep, const fs::path& folder) {
  // The CSV comes last: a folder that has it has a whole sweep.
  write_file_durably(folder / "report.html", sweep_report(sweep));
  write_sweep_hdf5(folder / "sweep.h5", sweep);
  write_file_durably(folder / "sweep.csv", sweep_csv(sweep));
}

/// What every rank must have alike, by its hashes.
std::string describe_inputs(const std::vector<PlannedCell>& planned, const std::vector<OpenedModel>& opened) {
  std::set<std::string> inputs;
  for (const PlannedCell& cell : planned) {
    inputs.insert(fmt::format("{} {} sha256 {}", cell.cell.solver, cell.cell.version, cell.cell.plugin_sha256));
  }
  for (const OpenedModel& model : opened) {
    inputs.insert(fmt::format("model sha256 {}, noise {}", model.source_sha256,
                              model.initial.empty() ? std::to_string(model.seed) : model.initial_sha256));
  }
  return fmt::format("{}", fmt::join(inputs, ", "));
}

/// Once for each precision of states, whatever the number of cells.
void warn_of_tolerances(const std::vector<PlannedCell>& planned, const std::vector<OpenedModel>& opened,
                        double reference_tolerance) {
  std::map<std::string, std::set<double>> by_dtype;
  for (const OpenedModel& model : opened) {
    std::set<double>& tolerances = by_dtype[model.dtype];
    for (const PlannedCell& cell : planned) {
      if (cell.solver->info().adaptive) tolerances.insert(cell.integrate.rtol);
    }
    if (model.checkpoint) tolerances.insert(reference_tolerance);
  }
  for (const auto& [dtype, tolerances] : by_dtype) {
    warn_of_unresolved_tolerances({tolerances.begin(), tolerances.end()}, dtype);
  }
}

void require_some_success(const Sweep& sweep, const fs::path& folder) {
  if (std::any_of(sweep.cells.begin(), sweep.cells.end(), [](const SweepCell& cell) { return cell.done(); })) return;
  const CellOutcome& first = sweep.cells.front().outcome;
  const bool plugins = std::all_of(sweep.cells.begin(), sweep.cells.end(), [](const SweepCell& cell) {
    return cell.outcome.status == solvers::to_string(solvers::Status::host_error);  // all broke a rule
  });
  throw Error(plugins ? ExitCode::bad_input : ExitCode::numerical,
              fmt::format("no solver reached t = 1; the first stopped with: {} {}", first.status, first.message),
              folder.string(), "the table and the report say how each one ended");
}

/// All are opened before any work, so that a mistake in the last is told at once.
std::vector<OpenedModel> open_models(const Options& options, const std::vector<PlannedCell>& planned,
                                     parallel::Communicator& communicator) {
  const bool stochastic = std::any_of(planned.begin(), planned.end(),
                                      [](const PlannedCell& cell) { return cell.solver->info().stochastic; });
  std::vector<OpenedModel> opened;
  for (const ModelChoice& choice : named_models(options))
    opened.push_back(open_model(options, communicator, choice, stochastic));
  for (const OpenedModel& model : opened) {
    for (const PlannedCell& cell : planned) sampling::require_path(cell.solver->info(), *model.model);
  }
  if (options.has("reference-tolerance") &&
      std::none_of(opened.begin(), opened.end(), [](const OpenedModel& model) { return model.checkpoint; })) {
    options.fail("reference-tolerance", "a closed-form field has an exact reference", "leave it out");
  }
  require_same_everywhere(communicator, "solvers, models and noise", describe_inputs(planned, opened));
  return opened;
}

}  // namespace

int run_sweep(const std::vector<std::string>& arguments, CommandContext& context) {
  Options options = sweep_options();
  if (!options.parse(arguments)) return 0;
  const double timeout = timeout_of(options);
  const auto communicator = context.session->communicator();
  const auto heartbeat = parallel::start_heartbeat(
      *context.session, timeout, "(--timeout). The finished cells are kept; the same command goes on from there.");
  const bool root = communicator->rank() == 0;

  const std::vector<PlannedCell> planned = plan_sweep(options);
  const double reference_tolerance = options.real("reference-tolerance", 1e-12, 1e-2);
  const fs::path folder = options.text("out"), cells_folder = folder / ".cells";
  std::vector<OpenedModel> opened = open_models(options, planned, *communicator);
  if (root) warn_of_tolerances(planned, opened, reference_tolerance);
  parallel::together(*communicator, [&] {
    if (root) prepare_folder(folder, cells_folder, options.has("fresh"));
  });
  std::optional<RunLock> lock;
  parallel::together(*communicator, [&] {
    if (root) lock.emplace(cells_folder, "sweeping");
    std::error_code ignored;
    if (!fs::is_directory(cells_folder, ignored)) {
      throw Error(ExitCode::file_system, "this rank does not see the folder", folder.string(),
                  "choose an --out on a file system that all machines share");
    }
  });

  const StopSignal stop;
  const CellStore store(cells_folder);
  std::set<std::string> used;
  Sweep sweep;
  sweep.count = opened.front().request.count;
  sweep.shown = std::min(strip_samples, sweep.count);
  sweep.seed = opened.front().seed;
  sweep.initial = opened.front().initial;
  try {
    for (std::size_t i = 0; i < opened.size(); ++i) {
      opened[i].request.stop_requested = [&stop] { return stop.requested(); };
      const Reference reference = make_reference(opened[i], reference_tolerance, store, *communicator, used);
      sweep.models.push_back(describe(options, opened[i], reference, sweep.shown));
      const std::string title = opened.size() > 1 ? "sweep of " + sweep.models.back().short_name() : "sweep";
      const std::vector<CellOutcome> outcomes =
          run_cells(planned, opened[i], reference, {store, *communicator, sweep.shown, title}, used);
      for (std::size_t k = 0; k < outcomes.size(); ++k) {
        SweepCell cell = planned[k].cell;
        cell.model = i;
        cell.outcome = outcomes[k];
        sweep.cells.push_back(std::move(cell));
      }
    }
  } catch (const Error& error) {
    if (error.code() != ExitCode::stopped) throw;
    if (root) {
      log_info(fmt::format("stopped by {}; the finished cells are kept in {}. The same command goes on from there.",
                           stop.requested() ? stop.name() : "a signal to another rank", cells_folder.string()));
    }
    return static_cast<int>(ExitCode::stopped);
  }

  parallel::together(*communicator, [&] {
    if (!root) return;
    sweep.command = quote_command(context.command_line);
    sweep.versions = version_line();
    sweep.created = utc_now();
    write_files(sweep, folder);
    store.keep_only(used);
  });
  if (root) {
    print_table(sweep);
    print("\nwrote {}, sweep.h5 and report.html beside it\n", plain_line((folder / "sweep.csv").string()));
  }
  parallel::together(*communicator, [&] {
    if (root) require_some_success(sweep, folder);
  });
  return 0;
}

}  // namespace pathline::tools
