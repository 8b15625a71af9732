#pragma once
// What the index of a shard folder may say: limits, and whether a description keeps them. Thread-safety: pure.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "data/shards/dataset_info.h"

namespace pathline::data {

inline constexpr std::int64_t largest_side = 65536;                    ///< of a sample or condition
inline constexpr std::int64_t largest_sample = std::int64_t{1} << 30;  ///< bytes; of a condition, too
inline constexpr std::int64_t most_classes = 1000000;
inline constexpr std::size_t most_conditions = 64, most_condition_sizes = 4, longest_condition_name = 64;

/// A name is 1 to longest_condition_name letters, digits, '_' and '-', the last not in front; and not "label", which is
/// that of /labels. Empty if it is good, else what is wrong.
std::string condition_name_problem(const std::string& name);

/// Checks names, shape, dtype, class names, mean, scale and conditions (not counts and shards): Error(`code`) at
/// `place`.
void check_dataset_info(const DatasetInfo& info, ExitCode code, const std::string& place);

/// What the numbers of a shape are called, in their order: {"channels", "height", "width"} of a picture.
std::vector<const char*> side_names(SampleKind kind);

}  // namespace pathline::data
