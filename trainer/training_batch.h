#pragma once
// From a micro-batch of stored samples to what an objective sees: x1, its condition, and the draws of flow matching.
// Thread-safety: pure.

#include <cstdint>

#include "core/condition_spec.h"
#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "flow/flow_spec.h"
#include "flow/objectives/objective_batch.h"
#include "trainer/training_samples.h"

namespace pathline {

struct BatchSettings {
  std::uint64_t seed = 0, global_batch = 1;
  flow::FlowSpec flow;       ///< REQUIRES: its training is known
  ConditionSpec condition;   ///< of the network
  PictureSettings pictures;  ///< used where samples are pictures
};

/// On the CPU. REQUIRES: `batch` comes from a set described by `info`.
flow::ObjectiveBatch make_training_batch(const data::Batch& batch, const data::DatasetInfo& info,
                                         const BatchSettings& settings);

}  // namespace pathline
