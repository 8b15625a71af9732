// pathline sample: noise → solver → samples, alone or under mpirun, into one HDF5 file.

#include <algorithm>
#include <filesystem>
#include <optional>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "sampling/picture.h"
#include "sampling/sample_file.h"
#include "sampling/sampler.h"
#include "tools/commands.h"
#include "tools/distributed_draw.h"
#include "tools/model_options.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/progress.h"
#include "tools/provenance.h"
#include "tools/version.h"
#include "trainer/parallel/agreement.h"
#include "trainer/parallel/heartbeat.h"

namespace pathline::tools {

namespace {

/// A grid shows at most this many samples of a class, or its square of an unconditional model; the file holds all.
constexpr std::int64_t grid_columns = 16;

Options sample_options() {
  Options options("pathline sample", "CHECKPOINT|--field FILE.ini --solver NAME --steps N --count K --out FILE.h5",
                  "Draws samples: starts from noise at t = 0 and lets a solver plugin follow the velocity field to t = "
                  "1. Under mpirun the "
                  "samples are shared out among the ranks and rank 0 writes the one file; the result does not depend "
                  "on how many there are.");
  declare_model_options(options, std::nullopt);
  declare_timeout(options);
  options.group("Solver");
  options.value("solver", "NAME|PATH",
                "a solver of the search path (pathline solvers list), or a plugin file; PATH#id picks one of several");
  options.value("steps", "N", "steps of a fixed-step solver");
  options.value("rtol", "R", "relative tolerance of an adaptive solver", "1e-5");
  options.value("atol", "A", "absolute tolerance of an adaptive solver", "1e-5");
  options.value("norm", "sample|batch", solver_norm_doc, "sample");
  options.value("grid", "GRID", solver_grid_doc, "uniform");
  options.repeated("param", "name=value", "a parameter of the solver (pathline solvers describe NAME), number or text");
  options.group("Results");
  options.value("out", "FILE.h5", "HDF5 file of the samples, their noise and how they were made");
  options.value("png", "GRID.png", "also a picture: a row per class, or a square");
  options.paths({"solver", "out", "png"});
  options.epilogue(
      "Examples:\n"
      "  pathline sample runs/fashion --solver heun --steps 20 --count 80 --out samples.h5 --png grid.png\n"
      "  mpirun -n 4 pathline sample runs/fashion --solver dopri5 --rtol 1e-4 --atol 1e-4 --count 10k --out "
      "samples.h5\n"
      "  pathline sample --field configs/fields/smooth.ini --solver ./my_solver.so --steps 8 --count 64 --out x.h5");
  return options;
}

/// Steps or tolerances, whichever the solver takes; the other kind is an error, not something to ignore.
solvers::IntegrateOptions integrate_options(const Options& options, const solvers::Solver& chosen) {
  const solvers::SolverInfo& solver = chosen.info();
  solvers::IntegrateOptions result;
  result.parameters = parse_parameters(options.all("param"), chosen);
  if (solver.adaptive) {
    for (const char* name : {"steps", "grid"}) {
      if (options.has(name)) {
        options.fail(name, fmt::format("the solver {} is adaptive and chooses its own steps", solver.id),
                     "give --rtol and --atol");
      }
    }
    result.rtol = options.real("rtol", 0, 1);
    result.atol = options.real("atol", 0, 1e6);
    if (result.rtol == 0 && result.atol == 0)
      options.fail("rtol", "--rtol and --atol are both 0: no step could ever be accepted");
    result.batch_norm = options.choice("norm", solver_norms) == "batch";
    result.grid = {0.0, 1.0};
  } else {
    for (const char* name : {"rtol", "atol", "norm"}) {
      if (options.has(name)) {
        options.fail(name, fmt::format("the solver {} has fixed steps and cannot meet a tolerance", solver.id),
                     "give --steps N");
      }
    }
    const std::optional<std::int64_t> listed = solvers::listed_steps(options.text("grid"));
    if (!options.has("steps") && !listed)
      options.fail("steps", fmt::format("the solver {} has fixed steps: how many?", solver.id), "give --steps N");
    result.grid = solvers::make_grid(options.text("grid"),
                                     options.has("steps") ? options.integer("steps", 1, 10'000'000) : *listed);
  }
  return result;
}

struct Provenance {
  const OpenedModel& opened;
  const solvers::SolverInfo& solver;
  const solvers::IntegrateOptions& integrate;
  const sampling::DrawResult& result;
  std::string grid;
  std::string command;
  int ranks;
};

std::vector<std::pair<std::string, sampling::SampleAttribute>> attributes(const Provenance& p) {
  const bool adaptive = p.solver.adaptive;
  std::vector<std::pair<std::string, sampling::SampleAttribute>> list = {
      {"created", utc_now()},
      {"command", p.command},
      {"versions", version_line()},
      {"model", p.opened.source},
      {"model_sha256", p.opened.source_sha256},
      {"solver", p.solver.id},
      {"solver_version", p.solver.version},
      {"solver_file", p.solver.file.string()},
      {"solver_sha256", p.solver.sha256},
      {"solver_parameters", describe_parameters(p.solver, p.integrate.parameters)},
      {"evaluations", p.result.evaluations()},
      {"network_passes", p.result.evaluations() * p.opened.model->passes_per_evaluation()},
      {"accepted", p.result.accepted()},
      {"rejected", p.result.rejected()},
      {"seconds", p.result.seconds()},
      {"solver_seconds", p.result.solver_seconds()},
      {"batch", p.opened.request.batch},
      {"dtype", p.opened.dtype},
      {"precision", p.opened.precision},
      {"device", p.opened.device},
      {"threads", static_cast<std::int64_t>(p.opened.threads)},
      {"ranks", static_cast<std::int64_t>(p.ranks)},
  };
  if (adaptive) {
    list.emplace_back("rtol", p.integrate.rtol);
    list.emplace_back("atol", p.integrate.atol);
    list.emplace_back("norm", p.integrate.batch_norm ? "batch" : "sample");
  } else {
    list.emplace_back("grid", p.grid);
    list.emplace_back("steps", static_cast<std::int64_t>(p.integrate.grid.size()) - 1);
  }
  if (p.opened.initial.empty() || p.solver.stochastic) {
    list.emplace_back("seed", static_cast<std::int64_t>(p.opened.seed));
  }
  if (!p.opened.initial.empty()) {
    list.emplace_back("initial_noise", p.opened.initial);
    list.emplace_back("initial_noise_sha256", p.opened.initial_sha256);
  }
  if (p.opened.checkpoint) {
    list.emplace_back("config", p.opened.checkpoint->config_ini);
    list.emplace_back("weights", p.opened.weights);
    if (p.opened.checkpoint->model.network.classes() > 0) {
      list.emplace_back("guidance", p.opened.guidance);
      list.emplace_back("guidance_formula", "v = u + guidance * (c - u)");
    }
  } else {
    list.emplace_back("config", read_file(p.opened.source));
  }
  return list;
}

sampling::Picture sample_grid(const std::vector<std::uint8_t>& images, const data::ImageShape& shape,
                              const std::vector<std::int64_t>& labels, std::int64_t count) {
  const sampling::GridRows rows = labels.empty() ? sampling::rows_in_order(std::min(count, grid_columns * grid_columns))
                                                 : sampling::rows_by_class(labels, grid_columns);
  const std::int64_t scale = std::clamp<std::int64_t>(64 / std::max(shape.height, shape.width), 1, 4);
  return sampling::tile(images, shape, rows, {.scale = scale, .gap = 2, .background = 255});
}

/// A model of float32 data, whose values mean something: they go out in the units they came in.
bool holds_fields(const OpenedModel& opened) {
  return opened.checkpoint && opened.checkpoint->model.dtype == "float32";
}

void write_results(const Options& options, const Provenance& provenance) {
  const OpenedModel& opened = provenance.opened;
  const std::int64_t count = opened.request.count;
  at::Tensor raw = provenance.result.raw.contiguous();
  const at::Tensor initial = opened.request.noise(0, count).contiguous();
  const std::vector<std::uint8_t> images = sampling::image_bytes(raw, opened.model->shape(), opened.mean, opened.scale);

  std::vector<std::int64_t> ids(static_cast<std::size_t>(count)), labels(ids.size(), -1);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < opened.request.labels.size(); ++i) {
    if (opened.request.labels[i] < opened.model->classes()) labels[i] = opened.request.labels[i];
  }
  const sampling::Picture grid = sample_grid(images, opened.model->shape(), opened.request.labels, count);
  if (holds_fields(opened)) {
    raw = raw.clone();
    sampling::to_data_units({raw.mutable_data_ptr<float>(), static_cast<std::size_t>(raw.numel())},
                            opened.model->shape(), opened.checkpoint->model.mean, opened.checkpoint->model.scale);
  }

  sampling::SampleFile file;
  file.count = count;
  file.shape = opened.model->shape();
  file.images = images;
  file.raw = sampling::values_of(raw);
  file.initial = sampling::values_of(initial);
  file.labels = labels;
  file.ids = ids;
  file.preview = {grid.height, grid.width, grid.channels, grid.pixels};
  file.attributes = attributes(provenance);
  file.attributes.emplace_back("raw_units", holds_fields(opened) ? "data" : "network");
  sampling::write_sample_file(options.text("out"), file);
  if (options.has("png")) write_file_durably(options.text("png"), sampling::encode_png(grid));
}

void print_summary(const Options& options, const Provenance& p) {
  const OpenedModel& opened = p.opened;
  const sampling::DrawResult& result = p.result;
  const double seconds = result.seconds();
  print("solver       {} {} ({}, sha256 {})\n", p.solver.id, plain_line(p.solver.version),
        plain_line(p.solver.file.string()), p.solver.sha256);
  const std::string parameters = describe_parameters(p.solver, p.integrate.parameters);
  if (!parameters.empty()) print("parameters   {}\n", plain_line(parameters));
  print("samples      {} in {} {} of {}\n", opened.request.count, result.batches.size(),
        result.batches.size() == 1 ? "batch" : "batches", opened.request.batch);
  print("evaluations  {:g} per sample, {:g} network passes", result.evaluations(),
        result.evaluations() * opened.model->passes_per_evaluation());
  if (p.solver.adaptive) print(", {:g} steps accepted, {:g} rejected", result.accepted(), result.rejected());
  print("\nseconds      {:.4g} in the {}, {:.4g} in the solver ({:.2g} %)\n", seconds - result.solver_seconds(),
        opened.checkpoint ? "network" : "field", result.solver_seconds(),
        seconds > 0 ? 100 * result.solver_seconds() / seconds : 0);
  print("wrote        {}{}\n", plain_line(options.text("out")),
        options.has("png") ? ", " + plain_line(options.text("png")) : "");
}

}  // namespace

int run_sample(const std::vector<std::string>& arguments, CommandContext& context) {
  Options options = sample_options();
  if (!options.parse(arguments)) return 0;
  const double timeout = timeout_of(options);
  const auto communicator = context.session->communicator();
  const auto heartbeat = parallel::start_heartbeat(*context.session, timeout,
                                                   "(--timeout). Nothing was written; start the same command again.");
  const bool root = communicator->rank() == 0;

  const auto solver = solvers::find_solver(options.text("solver"));
  const solvers::IntegrateOptions integrate = integrate_options(options, *solver);
  require_writable_folder_of(options.text("out"));
  require_file_of_its_own(options, "out", {});
  if (options.has("png")) {
    require_writable_folder_of(options.text("png"));
    require_file_of_its_own(options, "png", {"out"});
  }
  OpenedModel opened = open_model(options, *communicator, solver->info().stochastic);
  opened.request.integrate = integrate;
  require_same_everywhere(*communicator, "solver, model and noise",
                          fmt::format("{} {} sha256 {}, model sha256 {}, noise {}", solver->info().id,
                                      solver->info().version, solver->info().sha256, opened.source_sha256,
                                      opened.initial.empty() ? std::to_string(opened.seed) : opened.initial_sha256));
  if (root && solver->info().adaptive)
    warn_of_unresolved_tolerances({integrate.rtol > 0 ? integrate.rtol : integrate.atol}, opened.dtype);

  const sampling::DrawResult result = [&] {
    Progress progress("sampling", !root);
    return draw_samples(*opened.model, *solver, opened.request, *communicator,
                        [&](double fraction) { progress.update(fraction); });
  }();
  if (!result.done()) sampling::fail_draw(solver->info(), result);

  const Provenance provenance{opened,
                              solver->info(),
                              integrate,
                              result,
                              options.text("grid"),
                              quote_command(context.command_line),
                              communicator->size()};
  parallel::together(*communicator, [&] {
    if (root) write_results(options, provenance);
  });
  if (root) print_summary(options, provenance);
  return 0;
}

}  // namespace pathline::tools
