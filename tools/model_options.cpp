#include "tools/model_options.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/config.h"
#include "core/cpu_count.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/home_path.h"
#include "core/log.h"
#include "core/torch/device.h"
#include "sampling/sample_file.h"
#include "trainer/log/run_facts.h"
#include "trainer/parallel/agreement.h"

namespace pathline::tools {

namespace {

constexpr std::int64_t largest_count = 100'000'000;

/// The first `count` images of the dataset at `place`, in the dtype asked for.
at::Tensor read_noise(const std::string& place, std::int64_t count, const data::ImageShape& shape,
                      at::ScalarType dtype) {
  const sampling::InitialNoise noise = sampling::read_initial_noise(place, shape);
  if (noise.count < count) {
    throw Error(ExitCode::usage, fmt::format("holds noise for {} samples, --count asks for {}", noise.count, count),
                place, fmt::format("use --count {} or less", noise.count));
  }
  return std::visit(
      [&](const auto& values) {
        const auto type = c10::CppTypeToScalarType<typename std::decay_t<decltype(values)>::value_type>::value;
        // from_blob borrows; the copy of the images needed outlives `noise`.
        return at::from_blob(const_cast<void*>(static_cast<const void*>(values.data())),
                             {noise.count, shape.channels, shape.height, shape.width}, at::dtype(type))
            .narrow(0, 0, count)
            .to(dtype, false, true);
      },
      noise.values);
}

}  // namespace

void declare_model_options(Options& options, std::optional<std::int64_t> default_count, std::size_t most_models) {
  options.positional(
      "CHECKPOINT",
      "a step-… folder, or the folder above it (then its newest valid checkpoint); leave it out with --field", 0,
      most_models);
  options.group("Model");
  const char* field_doc = "in place of CHECKPOINT: the closed-form velocity field of a Gaussian mixture";
  if (most_models > 1) {
    options.repeated("field", "FILE.ini", field_doc);
  } else {
    options.value("field", "FILE.ini", field_doc);
  }
  options.value("weights", "ema|raw", "averaged weights or the last ones", "ema");
  options.value("label", "L|all|none|L,L,…",
                "class of every sample; all or a list: sample i gets the i-th in turn (default all)");
  options.value("guidance", "W",
                "classifier-free guidance v = u + W (c - u); two network passes per evaluation unless 0 or 1", "1");
  options.group("Samples");
  options.value("count", "K", "how many samples",
                default_count ? std::optional<std::string>(std::to_string(*default_count)) : std::nullopt);
  options.value("batch", "B", "samples integrated together; part of the result for adaptive solvers", "64");
  options.value("seed", "S", "sample i starts from noise that depends on (S, i) alone", "0");
  options.value("initial", "FILE.h5:/dataset", "start from this noise, [K, C, H, W]");
  options.group("Machine");
  options.value("device", "cpu|cuda", "where the network runs", "cpu");
  options.value(
      "threads", "T",
      "CPU threads of each process; the last bits of a network's output may depend on it (default: the usable "
      "cores, shared among the processes of a machine, at most OMP_NUM_THREADS)");
  options.value("precision", "fp32|bf16", "inside the network; states and time stay as they are", "fp32");
  options.value("dtype", "float32|float64",
                "of the states; float64 is for --field (default float32, with --field float64)");
  options.paths({"field", "initial"}, /*words=*/true);
}

void declare_timeout(Options& options) {
  options.value("timeout", "SECONDS",
                "under mpirun: end the job with code 6 when a process is stopped or lost for so long; 0: wait for ever",
                "600");
}

double timeout_of(const Options& options) {
  constexpr double most_seconds = 1e7;
  return options.real("timeout", 0, most_seconds);
}

void warn_of_unresolved_tolerances(const std::vector<double>& tolerances, const std::string& dtype) {
  const double unit =
      dtype == "float64" ? std::numeric_limits<double>::epsilon() : double{std::numeric_limits<float>::epsilon()};
  // A step adds up a handful of terms, each rounded by half a unit.
  const double finest = 4 * unit;
  std::vector<double> unresolved;
  std::copy_if(tolerances.begin(), tolerances.end(), std::back_inserter(unresolved),
               [finest](double tolerance) { return tolerance < finest; });
  if (unresolved.empty()) return;
  const bool one = unresolved.size() == 1;
  log_warning(
      fmt::format("the {} {:g} {} finer than {} states resolve (about {:.0e}): rounding decides there, and the "
                  "error falls no further",
                  one ? "tolerance" : "tolerances", fmt::join(unresolved, ", "), one ? "is" : "are", dtype, finest));
}

void require_file_of_its_own(const Options& options, const std::string& name, const std::vector<std::string>& others) {
  const std::filesystem::path mine = options.text(name);
  const auto compare = [&](const std::string& file, const std::string& what) {
    std::error_code ignored;
    if (file.empty() || mine.empty()) return;
    const bool same_file = std::filesystem::equivalent(mine, file, ignored);  // false where one is not there
    // Absolute first: of a name without a folder nothing exists that could be made canonical.
    const auto whole = [&](const std::filesystem::path& path) {
      return std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
    };
    if (same_file || whole(mine) == whole(file))
      options.fail(name, "is the same file as " + what + ", which would be lost", "choose another name");
  };
  for (const std::string& other : others) {
    if (options.has(other)) compare(options.text(other), "--" + other);
  }
  for (const std::string& file : options.all("field")) compare(file, "--field");
  if (options.has("initial")) {
    const std::string& place = options.text("initial");
    compare(place.substr(0, place.rfind(":/")), "that of --initial");
  }
  for (const std::string& parameter : options.all("param")) {
    const auto equals = parameter.find('=');
    if (equals != std::string::npos) compare(parameter.substr(equals + 1), "that of --param");
  }
}

void require_same_everywhere(parallel::Communicator& communicator, const std::string& what, const std::string& text) {
  const std::vector<std::string> texts = communicator.all_gather(text);
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    if (texts[rank] == texts[0]) continue;
    throw parallel::AgreedError(
        Error(ExitCode::bad_input,
              fmt::format("ranks 0 and {} have different ones: {}; and {}", rank, texts[0], texts[rank]), what,
              "use files on a file system that all machines share, or the same copies"),
        what);
  }
}

void require_writable_folder_of(const std::string& target) {
  std::error_code ignored;
  std::filesystem::path folder = std::filesystem::absolute(target, ignored).lexically_normal().parent_path();
  if (std::filesystem::is_directory(target, ignored)) {
    throw Error(ExitCode::file_system, "is a folder, expected the name of a file", target);
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw Error(ExitCode::file_system, "there is no such folder to write to", folder.string(),
                "make it, or correct the path " + target);
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) throw system_error(errno, "cannot write here", folder.string());
}

std::pair<std::string, std::string> split_parameter(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    throw Error(ExitCode::usage, fmt::format("expected name=value, found '{}'", text), "--param");
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

solvers::ParameterValue read_parameter(const solvers::SolverInfo& solver, const std::string& name,
                                       const std::string& text) {
  const bool file =
      std::any_of(solver.parameters.begin(), solver.parameters.end(),
                  [&](const solvers::Parameter& parameter) { return parameter.name == name && parameter.file; });
  return solvers::parse_parameter(solver, name, file ? expand_home(text, "--param " + name) : text);
}

solvers::Parameters parse_parameters(const std::vector<std::string>& texts, const solvers::Solver& solver) {
  solvers::Parameters parameters;
  for (const std::string& text : texts) {
    const auto [name, value] = split_parameter(text);
    if (!parameters.emplace(name, read_parameter(solver.info(), name, value)).second) {
      throw Error(ExitCode::usage, fmt::format("parameter '{}' given more than once", name), "--param");
    }
  }
  solvers::check_parameters(solver, parameters);
  return parameters;
}

std::vector<ModelChoice> named_models(const Options& options) {
  std::vector<ModelChoice> choices;
  for (const std::string& word : options.words()) choices.push_back({word, false});
  for (const std::string& file : options.all("field")) choices.push_back({file, true});
  if (choices.empty()) options.fail_command("expected CHECKPOINT, or --field FILE.ini");
  return choices;
}

OpenedModel open_model(const Options& options, parallel::Communicator& communicator, bool stochastic) {
  const std::vector<ModelChoice> choices = named_models(options);
  if (choices.size() > 1) options.fail("field", "takes the place of CHECKPOINT: give one of the two");
  return open_model(options, communicator, choices.front(), stochastic);
}

OpenedModel open_model(const Options& options, parallel::Communicator& communicator, const ModelChoice& choice,
                       bool stochastic) {
  OpenedModel opened;
  const bool field = choice.field, only_fields = options.words().empty();

  // Every number is checked before anything is opened: a mistake is told at once.
  opened.request.count = options.integer("count", 1, largest_count);
  opened.request.batch = std::min(options.integer("batch", 1, largest_count), opened.request.count);
  opened.seed = opened.request.seed = static_cast<std::uint64_t>(options.integer("seed", 0, INT64_MAX));
  const double guidance = options.real("guidance", -1000, 1000);
  const bool ema = options.choice("weights", {"ema", "raw"}) == "ema";
  opened.precision = options.choice("precision", {"fp32", "bf16"});
  if (options.has("initial")) {
    if (options.has("seed") && !stochastic)
      options.fail("initial", "the noise comes from this file, so --seed has no effect: leave one out");
    opened.initial = options.text("initial");
  }
  const int cores = host_cores(communicator);
  opened.threads = options.has("threads") ? static_cast<int>(options.integer("threads", 1, 4096))
                                          : threads_per_process(cores, communicator.local_size());
  const at::Device device =
      open_device(options.choice("device", {"cpu", "cuda"}), communicator.local_rank(), /*may_share=*/true, "--device");
  opened.dtype = options.has("dtype") ? options.choice("dtype", {"float32", "float64"}) : field ? "float64" : "float32";
  const at::ScalarType dtype = opened.dtype == "float64" ? at::kDouble : at::kFloat;

  at::set_num_threads(opened.threads);
  bool null_class = false;
  if (field) {
    for (const char* name : {"weights", "guidance", "label"}) {
      if (only_fields && options.has(name)) options.fail(name, "a closed-form field has no labels and no weights");
    }
    if (only_fields && opened.precision != "fp32")
      options.fail("precision", "a closed-form field is computed in the --dtype of its states");
    opened.precision = "fp32";
    opened.source = choice.path;
    opened.model = sampling::make_field_model(opened.source, dtype, device);
    opened.source_sha256 = sha256_file(opened.source);
  } else {
    if (dtype != at::kFloat) options.fail("dtype", "networks compute in float32", "leave it out, or use --field");
    opened.checkpoint = open_checkpoint(choice.path);
    opened.source = opened.checkpoint->folder.string();
    opened.source_sha256 = opened.checkpoint->manifest_sha256;
    const ModelDescription& described = opened.checkpoint->model;
    sampling::ByteMapping mapping = sampling::byte_mapping(described.dtype, described.mean, described.scale);
    opened.mean = std::move(mapping.mean);
    opened.scale = std::move(mapping.scale);
    opened.weights = ema ? "ema" : "raw";
    sampling::NetworkModelOptions network;
    network.guidance = guidance;
    network.bf16 = opened.precision == "bf16";
    opened.model = sampling::make_network_model(load_network(*opened.checkpoint, ema ? WeightSet::ema : WeightSet::raw),
                                                described.flow, device, network);
    null_class = opened.checkpoint->model.network.null_class();
    opened.guidance = fmt::format("{}", guidance);
  }
  opened.device = device.str();
  opened.request.labels = sampling::choose_labels(options.has("label") && !field ? options.text("label") : "",
                                                  opened.request.count, opened.model->classes(), null_class);
  const data::ImageShape& shape = opened.model->shape();
  if (opened.initial.empty()) {
    opened.request.noise = [seed = opened.seed, shape, dtype](std::int64_t first, std::int64_t count) {
      return sampling::generation_noise(seed, first, count, shape, dtype);
    };
  } else {
    const at::Tensor noise = read_noise(opened.initial, opened.request.count, shape, dtype).contiguous();
    opened.initial_sha256 = sha256_hex(noise.data_ptr(), noise.nbytes());
    opened.request.noise = [noise](std::int64_t first, std::int64_t count) { return noise.narrow(0, first, count); };
  }
  return opened;
}

}  // namespace pathline::tools
