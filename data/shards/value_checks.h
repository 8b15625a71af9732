#pragma once
// What a set may hold, value by value: asked where shards are written, opened and verified. Each returns an empty
// string if all is well, else what is wrong. Thread-safety: pure.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "data/shards/dataset_info.h"

namespace pathline::data {

/// Whether the label is one of the set's classes.
std::string label_problem(const DatasetInfo& info, std::int64_t label);
/// Whether float32 values, `bytes` of them, are finite.
std::string float_problem(const std::byte* values, std::size_t bytes);
/// Whether a value has the size that the array says; a label, whether it is one of the classes; floats, whether they
/// are finite.
std::string condition_problem(const ConditionArray& array, std::span<const std::byte> value);
/// Whether these are values of the set's conditions, of each one; with its name.
std::string conditions_problem(const DatasetInfo& info, const ConditionValues& values);

}  // namespace pathline::data
