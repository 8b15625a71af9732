#pragma once
// Where a training run begins: at the newest valid checkpoint of its folder, if that belongs to the same run, or at the
// beginning.

#include <optional>

#include "core/config.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/run_config.h"

namespace pathline {

/// The checkpoint to go on from, or nothing. Throws Error(usage) if there is one and `fresh`, or if the settings or the
/// data have changed so that the run would not be the same one (the message lists all of them); smaller changes are
/// warnings.
std::optional<CheckpointInfo> find_resume_point(const RunConfig& run, const Config& config,
                                                const std::string& data_hash, bool fresh);

}  // namespace pathline
