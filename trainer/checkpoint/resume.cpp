#include "trainer/checkpoint/resume.h"

#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/config_changes.h"
#include "core/error.h"
#include "core/log.h"
#include "trainer/checkpoint/model_json.h"

namespace pathline {
namespace {

/// A setting's value in a list of changes: as it stands in the file, cut when long.
std::string brief(const std::string& value) {
  if (value.empty()) return "(empty)";
  const std::string text = shown(value);
  return text.substr(1, text.size() - 2);
}

/// Weights that were imported and never trained: their seed, order and data are not yet fixed.
bool is_imported(const CheckpointInfo& checkpoint) {
  return checkpoint.state.step == 0 && checkpoint.state.position == 0;
}

/// Fields of the networks' descriptions that differ.
std::vector<SettingChange> network_changes(const flow::NetworkSettings& before, const flow::NetworkSettings& now) {
  const auto old_fields = nlohmann::json::parse(to_json(before));
  const auto new_fields = nlohmann::json::parse(to_json(now));
  const auto text = [](const nlohmann::json& fields, const std::string& key) {
    return fields.contains(key) ? fields[key].dump() : std::string();
  };
  auto all_fields = new_fields;
  all_fields.update(old_fields);
  std::vector<SettingChange> changes;
  for (const auto& field : all_fields.items()) {
    const std::string was = text(old_fields, field.key()), is = text(new_fields, field.key());
    if (was != is) changes.push_back({"network " + field.key() + " (state.json)", was, is});
  }
  return changes;
}

/// The numbers of a checkpoint against the configuration beside them: what they say of the run must be possible.
void check_state(const CheckpointInfo& checkpoint, const Config& before) {
  const TrainState& state = checkpoint.state;
  const auto fail = [&](const std::string& message) {
    throw Error(ExitCode::bad_input, message, (checkpoint.folder / "state.json").string(),
                "state.json is not of this run: move this checkpoint away to go on from an older one");
  };
  const auto batch = static_cast<std::uint64_t>(before.integer("train.global_batch"));
  const auto seed = static_cast<std::uint64_t>(before.integer("train.seed"));
  if (state.seed != seed) fail(fmt::format("state.seed: expected {}, as in config.ini, found {}", seed, state.seed));
  if (state.position % batch != 0) {
    fail(fmt::format("state.position: expected a multiple of the {} images of a batch (train.global_batch), found {}",
                     batch, state.position));
  }
  if (state.position / batch < state.step) {
    fail(fmt::format("state.position: expected at least the {} batches of {} images of as many steps, found {}",
                     state.step, batch, state.position));
  }
  const double images = static_cast<double>(state.step) * static_cast<double>(batch);
  if (state.ema_images != images) {
    fail(fmt::format("state.ema_images: expected {}, the images of {} steps, found {}", images, state.step,
                     state.ema_images));
  }
}

}  // namespace

std::optional<CheckpointInfo> find_resume_point(const RunConfig& run, const Config& config,
                                                const std::string& data_hash, bool fresh) {
  auto checkpoint = newest_checkpoint(run.checkpoint.dir);
  if (!checkpoint) {
    const std::size_t damaged = checkpoint_folders(run.checkpoint.dir).size();
    if (damaged > 0) {
      log_warning(fmt::format("{}: none of the {} checkpoints is whole: training begins anew, at step 0",
                              run.checkpoint.dir.string(), damaged));
    }
    return std::nullopt;
  }
  if (fresh) {
    throw Error(
        ExitCode::usage,
        fmt::format("--fresh: the folder holds a checkpoint already ({})", checkpoint->folder.filename().string()),
        run.checkpoint.dir.string(), "choose another checkpoint.dir, remove the old run, or drop --fresh to resume it");
  }

  const std::string place = (checkpoint->folder / "config.ini").string();
  const Config before = Config::parse_text(train_schema(), checkpoint->config_ini, place);
  SettingChanges changes = compare_settings(before, config);
  if (is_imported(*checkpoint)) {
    // What the weights mean is fixed all the same.
    std::erase_if(changes.breaking, [](const SettingChange& change) {
      return change.key.rfind("network.", 0) != 0 && change.key != "flow.path" && change.key != "flow.prediction";
    });
    changes.steering.clear();
  } else {
    check_state(*checkpoint, before);
    if (checkpoint->model.data_hash != data_hash) {
      changes.breaking.push_back(
          {"data.shards (content)", checkpoint->model.data_hash.substr(0, 12), data_hash.substr(0, 12)});
    }
  }
  if (changes.breaking.empty()) changes.breaking = network_changes(checkpoint->model.network, run.network);
  const flow::FlowSpec& stored = checkpoint->model.flow;
  if (changes.breaking.empty()) {
    const auto compare = [&](const char* key, const std::string& was, const std::string& is) {
      if (was != is) changes.breaking.push_back({key, was, is});
    };
    compare("flow.path (as stored)", stored.path->text(), run.flow.path->text());
    compare("flow.prediction (as stored)", stored.prediction->text(), run.flow.prediction->text());
  }
  if (!changes.breaking.empty()) {
    std::string list;
    for (const SettingChange& change : changes.breaking) {
      list +=
          fmt::format("\n    {}: {} in the checkpoint, {} now", change.key, brief(change.before), brief(change.now));
    }
    throw Error(ExitCode::usage, "cannot resume: the run has other settings now" + list, checkpoint->folder.string(),
                "go back to the old settings, or choose another checkpoint.dir for a new run");
  }
  for (const SettingChange& change : changes.steering) {
    log_warning(fmt::format("{} was {} and is {} now: from step {} on this is no longer the run it would have been",
                            change.key, brief(change.before), brief(change.now), checkpoint->state.step));
  }
  return checkpoint;
}

}  // namespace pathline
