#include "trainer/checkpoint/resume.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "trainer/checkpoint/model_json.h"

namespace pathline {
namespace {

std::string shown(const std::string& value) {
  return value.empty() ? "(empty)" : value;
}

/// Weights that were imported and never trained: their seed, order and data are not yet fixed.
bool is_imported(const CheckpointInfo& checkpoint) {
  return checkpoint.state.step == 0 && checkpoint.state.position == 0;
}

}  // namespace

std::optional<CheckpointInfo> find_resume_point(const RunConfig& run, const Config& config,
                                                const std::string& data_hash, bool fresh) {
  auto checkpoint = newest_checkpoint(run.checkpoint_dir);
  if (!checkpoint) {
    const std::size_t damaged = checkpoint_folders(run.checkpoint_dir).size();
    if (damaged > 0) {
      log_warning(fmt::format("{}: none of the {} checkpoints is whole: training begins anew, at step 0",
                              run.checkpoint_dir.string(), damaged));
    }
    return std::nullopt;
  }
  if (fresh) {
    throw Error(
        ExitCode::usage,
        fmt::format("--fresh: the folder holds a checkpoint already ({})", checkpoint->folder.filename().string()),
        run.checkpoint_dir.string(), "choose another checkpoint.dir, remove the old run, or drop --fresh to resume it");
  }

  const std::string place = (checkpoint->folder / "config.ini").string();
  const Config before = Config::parse_text(train_schema(), checkpoint->config_ini, place);
  SettingChanges changes = compare_settings(before, config);
  if (is_imported(*checkpoint)) {
    std::erase_if(changes.breaking, [](const SettingChange& change) { return change.key.rfind("network.", 0) != 0; });
    changes.steering.clear();
  } else if (checkpoint->model.data_hash != data_hash) {
    changes.breaking.push_back(
        {"data.shards (content)", checkpoint->model.data_hash.substr(0, 12), data_hash.substr(0, 12)});
  }
  if (changes.breaking.empty() && to_json(checkpoint->model.network) != to_json(run.network)) {
    changes.breaking.push_back({"network (as stored)", to_json(checkpoint->model.network), to_json(run.network)});
  }
  if (!changes.breaking.empty()) {
    std::string list;
    for (const SettingChange& change : changes.breaking) {
      list +=
          fmt::format("\n    {}: {} in the checkpoint, {} now", change.key, shown(change.before), shown(change.now));
    }
    throw Error(ExitCode::usage, "cannot resume: the run has other settings now" + list, checkpoint->folder.string(),
                "go back to the old settings, or choose another checkpoint.dir for a new run");
  }
  for (const SettingChange& change : changes.steering) {
    log_warning(fmt::format("{} was {} and is {} now: from step {} on this is no longer the run it would have been",
                            change.key, shown(change.before), shown(change.now), checkpoint->state.step));
  }
  return checkpoint;
}

}  // namespace pathline
