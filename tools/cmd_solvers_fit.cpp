// pathline solvers fit: solver tables of few evaluations, fitted to one model. The mathematics is in tools/fit/.

#include "tools/cmd_solvers_fit.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/stop_signal.h"
#include "tools/fit/fitter.h"
#include "tools/model_options.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/progress.h"
#include "tools/provenance.h"
#include "tools/version.h"

namespace fs = std::filesystem;

namespace pathline::tools {

namespace {

constexpr std::int64_t most_evaluations = 64;
/// A quarter of the samples judges, the rest is fitted to.
constexpr std::int64_t validation_part = 4;
/// Of the `generation` draws; sample and sweep use 0, so that theirs is held out for every seed.
constexpr std::uint64_t fit_epoch = 1;

Options fit_options() {
  Options options("pathline solvers fit", "CHECKPOINT|--field FILE.ini --steps 4..10 --out DIR",
                  "Fits times and coefficients of the solver `table` to one model, so that its endpoints after few "
                  "evaluations are as near as can be to those of a tight dopri5 solution from the same noise. Writes "
                  "DIR/NAME-N.table for every number of steps N; a table that is there already, fitted with the same "
                  "settings, is kept.");
  declare_model_options(options, 128);
  options.group("Fit");
  options.value("steps", "A..B|N,N,…", "numbers of steps; each step is one evaluation", "4..10");
  options.value("reference-tolerance", "T", "of the dopri5 solution that is fitted to", "1e-5");
  options.value("iterations", "I", "steps of the descent at most, for each number of steps of the solver", "12");
  options.value("jacobian-samples", "J", "samples that the first guess of the curvature is made from", "16");
  options.group("Results");
  options.value("name", "NAME", "first part of the file names", "fitted");
  options.value("out", "DIR", "folder of the tables; made if missing");
  options.paths({"out"});
  options.epilogue(
      "Examples:\n"
      "  pathline solvers fit runs/fashion --steps 4..10 --out tables\n"
      "  pathline sample runs/fashion --solver table --param file=tables/fitted-6.table --steps 6 --count 64 --out "
      "x.h5\n"
      "  pathline sweep runs/fashion --solvers euler,heun,table --param table:file=tables/fitted-{steps}.table "
      "--steps 4,6,8 --out sweep");
  return options;
}

/// "4..10" or "4,6,8", ascending.
std::vector<std::int64_t> step_counts(const Options& options) {
  const std::string& text = options.text("steps");
  std::vector<std::int64_t> counts;
  if (const auto dots = text.find(".."); dots != std::string::npos) {
    const std::int64_t first = parse_integer(text.substr(0, dots), 1, most_evaluations, "--steps");
    const std::int64_t last = parse_integer(text.substr(dots + 2), 1, most_evaluations, "--steps");
    if (last < first) options.fail("steps", fmt::format("the range {} is empty", text));
    for (std::int64_t n = first; n <= last; ++n) counts.push_back(n);
  } else {
    counts = options.integers("steps", 1, most_evaluations);
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  }
  return counts;
}

void require_file_name(const Options& options) {
  const std::string& name = options.text("name");
  if (name.find('/') != std::string::npos || name[0] == '.')
    options.fail("name", fmt::format("expected the beginning of a file name, found '{}'", name));
}

class FitRun {
 public:
  FitRun(const Options& options, OpenedModel& opened, CommandContext& context)
      : options_(options),
        opened_(opened),
        context_(context),
        folder_(options.text("out")),
        tolerance_(options.real("reference-tolerance", 1e-12, 1e-1)) {
    problem_.field.batch = opened.request.batch;
    problem_.iterations = static_cast<int>(options.integer("iterations", 1, 1000));
    problem_.jacobian_samples = options.integer("jacobian-samples", 1, 1'000'000);
    const data::ImageShape shape = opened.model->shape();
    const at::ScalarType dtype = opened.model->dtype();
    if (opened.initial.empty()) {
      opened.request.noise = [seed = opened.seed, shape, dtype](std::int64_t first, std::int64_t count) {
        return sampling::generation_noise(seed, first, count, shape, dtype, fit_epoch);
      };
    }
    opened.request.stop_requested = [this] { return stop_.requested(); };
    problem_.field.velocity = [this](double t, const at::Tensor& y, const at::Tensor& labels) {
      end_if_asked();
      at::Tensor out = at::empty_like(y);
      opened_.model->velocity(t, y.contiguous(), labels, out);
      return out;
    };
    problem_.field.pull_back = [this](double t, const at::Tensor& y, const at::Tensor& labels,
                                      const at::Tensor& cotangent) {
      end_if_asked();
      return opened_.model->pull_back(t, y.contiguous(), labels, cotangent.contiguous());
    };
  }

  void run(const std::vector<std::int64_t>& counts) {
    make_folder(folder_);
    std::optional<SolverTable> previous;
    for (const std::int64_t n : counts) {
      const fs::path target = folder_ / fmt::format("{}-{}.table", options_.text("name"), n);
      if (const auto kept = kept_table(target, n)) {
        log_info(fmt::format("{} is kept: it was fitted with the same settings", target.string()));
        previous = kept;
        continue;
      }
      if (!problem_.training.noise.defined()) make_samples();
      const FitResult result = fit(n, previous ? &*previous : nullptr);
      write_file_durably(target, to_text(result.table, comments(result, n)));
      report(result, target);
      previous = result.table;
    }
  }

  std::string stopped_by() const { return stop_.name(); }

 private:
  void end_if_asked() const {
    if (stop_.requested()) throw Error(ExitCode::stopped, "stopped on request");
  }

  /// The reference, and the split into samples to fit and samples to judge by.
  void make_samples() {
    const auto solver = solvers::find_solver("dopri5");
    sampling::DrawRequest request = opened_.request;
    request.integrate.grid = {0.0, 1.0};
    request.integrate.rtol = request.integrate.atol = tolerance_;
    const sampling::DrawResult result = [&] {
      Progress progress("reference", false);
      return sampling::draw_samples(*opened_.model, *solver, request,
                                    [&](double fraction) { progress.update(fraction, "dopri5"); });
    }();
    if (!result.done()) sampling::fail_draw(solver->info(), result);
    reference_evaluations_ = result.evaluations();

    const at::Device device = opened_.model->device();
    const at::Tensor noise = request.noise(0, request.count).to(device), endpoint = result.raw.to(device);
    at::Tensor labels;
    if (!request.labels.empty()) labels = at::tensor(request.labels, at::dtype(at::kLong)).to(device);
    const std::int64_t validation = request.count / validation_part, training = request.count - validation;
    const auto part = [&](std::int64_t first, std::int64_t count) {
      return FitSamples{noise.narrow(0, first, count), labels.defined() ? labels.narrow(0, first, count) : labels,
                        endpoint.narrow(0, first, count)};
    };
    problem_.training = part(0, training);
    problem_.validation = part(training, validation);
  }

  FitResult fit(std::int64_t n, const SolverTable* previous) {
    Progress progress(fmt::format("fit of {} steps", n), false);
    return fit_table(problem_, static_cast<std::size_t>(n), previous,
                     [&](int iteration, double training, double validation) {
                       progress.update(static_cast<double>(iteration) / problem_.iterations,
                                       fmt::format("RMS error {:.3e}, validation {:.3e}", training, validation));
                     });
  }

  /// What a table depends on; one that says so of itself need not be fitted again.
  std::string fit_key(std::int64_t n) const {
    const std::string text = fmt::format(
        "fit 2; {}; {} {} {} {} {}; labels {}; guidance {}; noise {}; count {}; batch {}; tolerance {}; iterations {}; "
        "jacobian {}; "
        "steps {}; threads {}",
        version_line(), opened_.source_sha256, opened_.weights, opened_.precision, opened_.dtype, opened_.device,
        fmt::join(opened_.request.labels, ","), opened_.guidance, noise_name(), opened_.request.count,
        problem_.field.batch, tolerance_, problem_.iterations, problem_.jacobian_samples,
        options_.text("steps") + " " + std::to_string(n), opened_.threads);
    return sha256_hex(text.data(), text.size());
  }

  std::string noise_name() const {
    return opened_.initial.empty() ? fmt::format("generation draws of seed {}, epoch {}", opened_.seed, fit_epoch)
                                   : fmt::format("{}, sha256 {}", opened_.initial, opened_.initial_sha256);
  }

  std::optional<SolverTable> kept_table(const fs::path& target, std::int64_t n) const {
    std::error_code ignored;
    if (!fs::is_regular_file(target, ignored)) return std::nullopt;
    const std::string text = read_file(target);
    if (text.find("# settings " + fit_key(n)) == std::string::npos) return std::nullopt;
    return parse_table(text, target.string());
  }

  std::vector<std::string> comments(const FitResult& result, std::int64_t n) const {
    std::vector<std::string> lines = {
        fmt::format("Fitted by: {}", quote_command(context_.command_line)),
        fmt::format("at {} with {}", utc_now(), version_line()),
        fmt::format("model {}", opened_.source),
        fmt::format("model sha256 {}", opened_.source_sha256),
        fmt::format("weights {}, guidance {}, labels {}", opened_.weights.empty() ? "none" : opened_.weights,
                    opened_.guidance.empty() ? "none" : opened_.guidance,
                    options_.has("label") ? options_.text("label") : "all"),
        fmt::format("noise: {}; {} samples to fit, {} to validate", noise_name(), problem_.training.count(),
                    problem_.validation.count()),
        fmt::format("reference: dopri5 with rtol = atol = {:g}, {:g} evaluations", tolerance_, reference_evaluations_),
        fmt::format("start: {}; {} iterations to the table that was kept", result.start, result.iterations),
        fmt::format("RMS endpoint error: training {:.6e}, validation {:.6e}", result.training_error,
                    result.validation_error)};
    for (const Baseline& baseline : result.baselines)
      lines.push_back(
          fmt::format("{} on the same validation samples: {:.6e}", baseline.name, baseline.validation_error));
    lines.push_back("settings " + fit_key(n));
    // A line break inside a path must not end the comment.
    for (std::string& line : lines)
      std::replace_if(
          line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, '?');
    return lines;
  }

  static void report(const FitResult& result, const fs::path& target) {
    const Baseline& best = result.best_baseline();
    print("{:>3} steps  RMS error {:.3e} (training {:.3e})  best of the known: {} {:.3e}, {:.2f} times as much  {}\n",
          result.table.evaluations(), result.validation_error, result.training_error, best.name, best.validation_error,
          best.validation_error / result.validation_error, plain_line(target.string()));
  }

  const Options& options_;
  OpenedModel& opened_;
  CommandContext& context_;
  const StopSignal stop_;
  fs::path folder_;
  double tolerance_, reference_evaluations_ = 0;
  FitProblem problem_;
};

}  // namespace

int run_solvers_fit(const std::vector<std::string>& arguments, CommandContext& context) {
  Options options = fit_options();
  if (!options.parse(arguments)) return 0;
  const auto communicator = context.session->communicator();
  if (communicator->size() > 1) options.fail_command("fits in one process; start it without mpirun");
  const std::vector<std::int64_t> counts = step_counts(options);
  require_file_name(options);
  if (options.integer("count", 1, INT64_MAX) < validation_part)
    options.fail("count", fmt::format("expected at least {} samples: one in {} is for validation", validation_part,
                                      validation_part));
  options.text("out");

  OpenedModel opened = open_model(options, *communicator);
  warn_of_unresolved_tolerances({options.real("reference-tolerance", 1e-12, 1e-1)}, opened.dtype);
  FitRun run(options, opened, context);
  try {
    run.run(counts);
  } catch (const Error& error) {
    if (error.code() != ExitCode::stopped) throw;
    log_info(fmt::format("stopped by {}; the tables that are finished stay, and the same command goes on behind them",
                         run.stopped_by()));
    return static_cast<int>(ExitCode::stopped);
  }
  return 0;
}

}  // namespace pathline::tools
