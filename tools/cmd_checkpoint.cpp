// pathline checkpoint info | verify | export | import: looks at checkpoints, checks them, turns them into bare weights
// and back.

#include <filesystem>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/cpu_count.h"
#include "core/error.h"
#include "core/plain_text.h"
#include "core/terminal.h"
#include "core/torch/foreign_weights.h"
#include "core/torch/tensor_file.h"
#include "data/shards/shard_index.h"
#include "flow/networks/network_with_weights.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/checkpoint/model_json.h"
#include "trainer/run_config.h"

namespace pathline::tools {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::int64_t parameter_count(const NamedTensors& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors) count += tensor.numel();
  return count;
}

void print(const std::string& text) {
  print_out(text + "\n");
}

int info(const std::vector<std::string>& arguments) {
  Options options("pathline checkpoint info", "CHECKPOINT [--json]",
                  "Says what a checkpoint holds, after checking all of it.");
  options.positional("CHECKPOINT", "a step-… folder, or the folder above it (then the newest valid one)", 1, 1);
  options.flag("json", "as JSON, for scripts");
  options.paths({}, /*words=*/true);
  if (!options.parse(arguments)) return 0;
  const CheckpointInfo checkpoint = open_checkpoint(options.words()[0]);
  const NamedTensors weights = load_weights(checkpoint, WeightSet::raw);
  const bool trained = !load_optimizer(checkpoint).empty();
  const ModelDescription& model = checkpoint.model;
  if (options.has("json")) {
    Json json = Json::parse(to_json(checkpoint.state, model));
    json["folder"] = checkpoint.folder.string();
    json["manifest_sha256"] = checkpoint.manifest_sha256;
    json["parameters"] = parameter_count(weights);
    json["tensors"] = weights.size();
    json["optimizer"] = trained;
    print_data(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return 0;
  }
  const flow::NetworkSettings& network = model.network;
  print(fmt::format("checkpoint   {}", plain_line(checkpoint.folder.string())));
  print(fmt::format("manifest     {}", checkpoint.manifest_sha256));
  print(fmt::format("progress     step {}, {} images, seed {}", checkpoint.state.step, checkpoint.state.position,
                    checkpoint.state.seed));
  print(fmt::format("network      {}, {} parameters in {} tensors", network.kind, parameter_count(weights),
                    weights.size()));
  print(fmt::format("samples      {}", network.shape.describe()));
  print(fmt::format("classes      {}", network.classes() == 0 ? std::string("unconditional")
                                                              : fmt::format("{}{}", network.classes(),
                                                                            network.null_class() ? " and none" : "")));
  if (!model.class_names.empty()) print(plain_line(fmt::format("names        {}", fmt::join(model.class_names, ", "))));
  print(fmt::format("path         {}, predicts {}", model.flow.path->text(), model.flow.prediction->text()));
  if (model.flow.training) {
    const flow::FlowTraining& training = *model.flow.training;
    print(fmt::format(
        "training     objective {}, times {}, coupling {}{}", training.objective->text(), training.time->text(),
        training.coupling->text(),
        training.condition_drop > 0 ? fmt::format(", conditions dropped {:g}", training.condition_drop) : ""));
  }
  print(fmt::format("data         {}", model.data_hash.empty() ? "unknown (imported weights)" : model.data_hash));
  print(fmt::format("optimizer    {}", trained ? "AdamW moments" : "none (imported weights)"));
  print("\n" + checkpoint.config_ini);
  return 0;
}

int verify(const std::vector<std::string>& arguments) {
  Options options("pathline checkpoint verify", "CHECKPOINT",
                  "Checks every byte of a checkpoint against its manifest, and that its weights load.");
  options.positional("CHECKPOINT", "a step-… folder, or the folder above it (then every checkpoint in it)", 1, 1);
  options.paths({}, /*words=*/true);
  if (!options.parse(arguments)) return 0;
  const fs::path path = options.words()[0];
  std::vector<fs::path> folders;
  for (const fs::path& folder : checkpoint_folders(path)) folders.push_back(folder);
  if (folders.empty()) folders.push_back(open_checkpoint(path).folder);
  std::size_t damaged = 0;
  std::string first_problem;
  for (const fs::path& folder : folders) {
    try {
      const CheckpointInfo checkpoint = open_checkpoint(folder);
      load_network(checkpoint, WeightSet::raw);
      load_network(checkpoint, WeightSet::ema);
      print(plain_line(fmt::format("{}: whole, {}", folder.string(), checkpoint.manifest_sha256)));
    } catch (const Error& error) {
      if (folders.size() == 1) throw;
      print(plain_line(fmt::format("{}: {}: {}: {}", folder.string(),
                                   error.code() == ExitCode::file_system ? "unreadable" : "damaged", error.place(),
                                   error.message())));
      ++damaged;
    }
  }
  if (damaged > 0) {
    throw Error(ExitCode::bad_input, fmt::format("{} of {} checkpoints are not whole", damaged, folders.size()),
                path.string());
  }
  return 0;
}

/// Refuses to replace a file: whoever wants that removes it first.
void require_absent(const std::string& target) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored))) {
    throw Error(ExitCode::usage, "exists already", target, "remove it, or name another one");
  }
}

int export_weights(const std::vector<std::string>& arguments) {
  Options options(
      "pathline checkpoint export", "CHECKPOINT --out FILE.safetensors [--weights ema|raw]",
      "Writes the weights as one safetensors file, under their usual (torchcfm, guided-diffusion) names; the network "
      "settings go into its metadata.");
  options.positional("CHECKPOINT", "a step-… folder, or the folder above it (then the newest valid one)", 1, 1);
  options.value("out", "FILE.safetensors", "file to write; must not exist");
  options.value("weights", "ema|raw", "averaged or last weights", "ema");
  options.paths({"out"}, /*words=*/true);
  if (!options.parse(arguments)) return 0;
  const std::string target = options.text("out");
  const WeightSet which = options.choice("weights", {"ema", "raw"}) == "ema" ? WeightSet::ema : WeightSet::raw;
  const CheckpointInfo checkpoint = open_checkpoint(options.words()[0]);
  require_absent(target);
  const NamedTensors weights = load_weights(checkpoint, which);
  save_tensors(target, weights,
               {{"format", "pt"},
                {"pathline.network", to_json(checkpoint.model.network)},
                {"pathline.path", checkpoint.model.flow.path->text()},
                {"pathline.prediction", checkpoint.model.flow.prediction->text()},
                {"pathline.weights", which == WeightSet::ema ? "ema" : "raw"},
                {"pathline.step", std::to_string(checkpoint.state.step)},
                {"pathline.checkpoint", checkpoint.manifest_sha256}});
  print(fmt::format("{}: {} tensors, {} parameters", plain_line(target), weights.size(), parameter_count(weights)));
  return 0;
}

/// Image shape, class names and scaling: from the data if they are there, else from --image.
void describe_images(const Options& options, const Config& config, ModelDescription& model) {
  const fs::path shards = config.text("data.shards");
  std::error_code ignored;
  if (!shards.empty() && fs::exists(shards / data::index_file_name, ignored)) {
    const data::DatasetInfo info = data::read_index(shards);
    if (options.has("image")) options.fail("image", "given, but the image shape is known from " + shards.string());
    RunConfig run;
    run.data.shards = shards;
    run.network = model.network;
    fit_to_data(run, config, info);
    model.network = run.network;
    model.class_names = info.class_names;
    model.mean = info.mean;
    model.scale = info.scale;
    model.dtype = info.dtype;
    return;
  }
  if (!options.has("image")) {
    throw Error(ExitCode::usage, "the image shape is not known: data.shards is no folder of shards",
                shards.empty() ? "data.shards" : shards.string(), "give --image CHANNELS,HEIGHT,WIDTH");
  }
  const std::vector<std::int64_t> shape = options.integers("image", 1, 65536);
  if (shape.size() != 3)
    options.fail("image", fmt::format("expected CHANNELS,HEIGHT,WIDTH, found {} numbers", shape.size()));
  model.network.shape = SampleShape::picture(shape[0], shape[1], shape[2]);
  flow::check_network(model.network, config);
  model.mean.assign(static_cast<std::size_t>(shape[0]), 127.5);
  model.scale = model.mean;
}

int import_weights(const std::vector<std::string>& arguments) {
  Options options(
      "pathline checkpoint import", "--config CONFIG.ini --weights FILE.safetensors --out DIR [--image C,H,W]",
      "Makes a checkpoint (DIR/step-000000000) of bare weights and the network settings of a configuration. It can be "
      "sampled from, and training goes on from it.");
  options.value("config", "CONFIG.ini", "its [network] and [flow] describe the weights");
  options.value("weights", "FILE.safetensors", "weights under their usual names");
  options.value("out", "DIR", "folder of checkpoints");
  options.value("image", "C,H,W", "image shape, where the configuration's data.shards is not there");
  options.paths({"config", "weights", "out"});
  if (!options.parse(arguments)) return 0;
  const std::string config_file = options.text("config"), weights_file = options.text("weights"),
                    out = options.text("out");
  const Config config = Config::parse(train_schema(), config_file, {});
  CheckpointContents contents;
  contents.state.seed = static_cast<std::uint64_t>(config.integer("train.seed"));
  contents.model.network = network_settings(config);
  contents.model.flow = flow::read_flow(config);
  contents.model.flow.training.reset();  // nobody knows how they were trained
  contents.config_ini = config.to_ini();
  describe_images(options, config, contents.model);

  // In a network, the weights are known to fit, and lie in its order and dtype.
  const auto network =
      flow::network_with_weights(contents.model.network, load_foreign_weights(weights_file), weights_file);
  contents.weights = flow::named_state(*network);
  require_finite(contents.weights, weights_file);
  contents.ema = contents.weights;
  if (!checkpoint_folders(out).empty()) {
    throw Error(ExitCode::usage, "the folder holds checkpoints already", out, "name another one");
  }
  const fs::path written = write_checkpoint(out, contents);
  print(fmt::format("{}: {} tensors, {} parameters", plain_line(written.string()), contents.weights.size(),
                    parameter_count(contents.weights)));
  return 0;
}

}  // namespace

int run_checkpoint(const std::vector<std::string>& arguments, CommandContext&) {
  at::set_num_threads(threads_per_process(usable_cpus()));
  return run_action("pathline checkpoint", "Looks at checkpoints, checks them, turns them into bare weights and back.",
                    {{"info", "what a checkpoint holds", info},
                     {"verify", "check every byte against the manifest", verify},
                     {"export", "write the weights as one safetensors file", export_weights},
                     {"import", "make a checkpoint of a safetensors file", import_weights}},
                    arguments);
}

}  // namespace pathline::tools
