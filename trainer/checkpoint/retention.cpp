#include "trainer/checkpoint/retention.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "trainer/checkpoint/checkpoint.h"

namespace pathline {

namespace fs = std::filesystem;

CheckpointRetention::CheckpointRetention(fs::path folder, std::int64_t keep)
    : folder_(std::move(folder)), keep_(std::max<std::int64_t>(keep, 1)) {}

void CheckpointRetention::apply(const fs::path& written) {
  const std::string newest = written.filename().string();
  whole_[newest] = true;
  std::int64_t kept = 0;
  bool older = false;  // than the one just written
  std::vector<fs::path> superseded;
  for (const fs::path& candidate : checkpoint_folders(folder_)) {  // newest first
    const std::string name = candidate.filename().string();
    if (name == newest) {
      older = true;
      ++kept;
    } else if (kept >= keep_) {
      superseded.push_back(candidate);
      whole_.erase(name);
    } else if (is_whole(candidate, older)) {  // damaged ones of later steps were named when the run began
      ++kept;
    }
  }
  remove_checkpoints(folder_, superseded);
}

bool CheckpointRetention::is_whole(const fs::path& step_folder, bool warn) {
  const std::string name = step_folder.filename().string();
  try {
    const auto known = whole_.find(name);
    if (known == whole_.end()) {
      verify_checkpoint(step_folder);
      whole_[name] = true;
    } else if (known->second) {
      check_sizes(step_folder);
    }
  } catch (const Error& error) {
    whole_[name] = false;
    if (warn)
      log_warning(fmt::format("not counted among the {} checkpoints kept, but left in place: {}: {}", keep_,
                              error.place(), error.message()));
  }
  return whole_[name];
}

}  // namespace pathline
