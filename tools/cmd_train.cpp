// pathline train CONFIG.ini: trains, and resumes by itself.

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/error.h"
#include "core/home_path.h"
#include "core/log.h"
#include "core/stop_signal.h"
#include "core/terminal.h"
#include "core/torch/device.h"
#include "sampling/preview.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/version.h"
#include "trainer/parallel/agreement.h"
#include "trainer/parallel/nccl/torch_device_hooks.h"
#include "trainer/run_config.h"
#include "trainer/train.h"

namespace pathline::tools {

namespace {

struct TrainArguments {
  bool help = false, print_config = false, fresh = false, dry_run = false;
  std::string config_file;
  std::vector<std::string> settings;  ///< --section.key VALUE …, for Config
};

/// Every `--section.key` belongs to the configuration; the few options of the command itself have no dot.
TrainArguments parse_arguments(const std::vector<std::string>& arguments) {
  TrainArguments parsed;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const std::string name = word.substr(0, word.find('='));
    if (word == "--help" || word == "-h") {
      parsed.help = true;
    } else if (word == "--print-config") {
      parsed.print_config = true;
    } else if (word == "--fresh") {
      parsed.fresh = true;
    } else if (word == "--dry-run") {
      parsed.dry_run = true;
    } else if (word.rfind("--", 0) == 0 && name.find('.') != std::string::npos) {
      parsed.settings.push_back(word);
      if (word.find('=') == std::string::npos && i + 1 < arguments.size()) parsed.settings.push_back(arguments[++i]);
    } else if (word.rfind('-', 0) == 0 && word.size() > 1) {
      std::vector<std::string> known = {"--help", "--print-config", "--fresh", "--dry-run"};
      for (const ConfigKey& key : train_schema().keys()) {
        known.push_back("--" + key.name);
        // `--steps 100` means --train.steps to whoever forgot the section.
        if (name == "--" + key.name.substr(key.name.find('.') + 1)) {
          throw Error(ExitCode::usage, "unknown option", name, "did you mean --" + key.name + "?");
        }
      }
      const std::string nearest = nearest_name(name, known);
      throw Error(ExitCode::usage, "unknown option", name,
                  nearest.empty() ? "see pathline train --help" : "did you mean " + nearest + "?");
    } else if (parsed.config_file.empty()) {
      parsed.config_file = expand_home(word, "CONFIG.ini");
    } else {
      throw Error(ExitCode::usage,
                  fmt::format("expected one configuration file, found {} and {}", parsed.config_file, word),
                  "pathline train", "settings are given as --section.key VALUE");
    }
  }
  if (parsed.config_file.empty() && !parsed.help) {
    throw Error(ExitCode::usage, "expected a configuration file", "pathline train",
                "for example: pathline train configs/demo.ini --data.shards DIR");
  }
  return parsed;
}

std::string help_text() {
  std::string text =
      "Usage: pathline train CONFIG.ini [--section.key VALUE …] [options]\n"
      "       mpirun -n N pathline train CONFIG.ini …\n\n"
      "Trains a velocity network on image shards; under mpirun (or srun) data-parallel. When checkpoint.dir holds a "
      "valid\n"
      "checkpoint of this run, training goes on from there. SIGUSR1, SIGTERM or Ctrl-C: finishes the step, writes a\n"
      "checkpoint and ends with code 75; the same command then goes on.\n\n"
      "Options:\n"
      "  --print-config  print the resolved configuration as INI and stop\n"
      "  --dry-run       check settings, data and checkpoints, print the table of what would be done, write nothing\n"
      "  --fresh         refuse to resume: an error if checkpoint.dir holds a checkpoint\n"
      "  --help          show this text\n\n"
      "Settings, from CONFIG.ini or as --section.key VALUE, which wins. Numbers may end in k, M or G (thousands):\n";
  std::string heading;
  for (const ConfigKey& key : train_schema().keys()) {
    std::string of_key = fmt::format("\n[{}]", section_part(key.name));
    if (!key.owner.empty()) of_key += fmt::format(" where {} is {}", key.owner_key, key.owner);
    if (of_key != heading) text += of_key + "\n";
    heading = of_key;
    const std::string default_text = key.default_value.empty() ? "" : fmt::format(", default {}", key.default_value);
    text += fmt::format("  {:<30}{}\n{:32}({}{})\n", key.name, wrap_text(key.doc, 110, 32), "", allowed_values(key),
                        default_text);
  }
  return text;
}

}  // namespace

int run_train(const std::vector<std::string>& arguments, CommandContext& context) {
  const TrainArguments parsed = parse_arguments(arguments);
  if (parsed.help) {
    print_out(help_text());
    return 0;
  }
  const Config config = Config::parse(train_schema(), parsed.config_file, parsed.settings);
  if (parsed.print_config) {
    print_data(config.to_ini(/*annotate=*/true));
    return 0;
  }

  parallel::DeviceHooks hooks;
  if (config.text("train.device") != "cpu" && has_cuda_device()) hooks = parallel::cuda_device_hooks();
  const auto communicator =
      context.session->communicator(config.text("parallel.backend"), config.real("parallel.timeout"), hooks);
  TrainCallbacks callbacks;
  callbacks.stop_requested = [&context] { return context.stop != nullptr && context.stop->requested(); };
  callbacks.preview = [&config](flow::VelocityNetwork& network, const ModelDescription& model, std::uint64_t) {
    sampling::PreviewSettings settings;
    settings.seed = static_cast<std::uint64_t>(config.integer("train.seed"));
    settings.steps = config.integer("log.preview_steps");
    return sampling::render_preview(network, model.flow, sampling::byte_mapping(model.dtype, model.mean, model.scale),
                                    settings);
  };
  TrainOptions options;
  parallel::together(*communicator, [&] {
    options.device =
        open_device(config.text("train.device"), communicator->local_rank(), /*may_share=*/false, "train.device");
  });
  options.fresh = parsed.fresh;
  options.dry_run = parsed.dry_run;
  options.versions.emplace_back("versions", version_line());

  const TrainOutcome outcome = train(config, *communicator, callbacks, options);
  return static_cast<int>(outcome == TrainOutcome::stopped ? ExitCode::stopped : ExitCode::ok);
}

}  // namespace pathline::tools
