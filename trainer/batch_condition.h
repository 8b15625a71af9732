#pragma once
// What a micro-batch is conditioned on, for the network: the fields it knows, found by name among what the data set
// has. Thread-safety: pure.

#include "core/condition_spec.h"
#include "data/read/reader.h"
#include "data/shards/dataset_info.h"
#include "flow/condition.h"

namespace pathline {

/// One value per field of `spec`, the network's: labels as they are, vectors and tensors as (value - mean) / scale.
/// REQUIRES: `batch` comes from a set described by `info`. Throws std::logic_error for a field that the set does not
/// have.
flow::Condition batch_condition(const data::Batch& batch, const data::DatasetInfo& info, const ConditionSpec& spec);

}  // namespace pathline
