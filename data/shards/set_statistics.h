#pragma once
// What the values of a shard set look like: per channel mean, standard deviation and range over all samples, in float64
// and one pass over the data. Every sample is read and its checksum checked.

#include <cstdint>
#include <functional>
#include <vector>

#include "data/shards/shard_set.h"

namespace pathline::data {

struct SetStatistics {
  std::vector<double> mean, deviation, smallest, largest;  ///< per channel; population standard deviation
};

/// In stored units. The same bits whatever `threads` (0: one per usable core). `progress(done, total)` as
/// verify_shards(). Errors as ShardSet::sample().
SetStatistics set_statistics(const ShardSet& set,
                             const std::function<void(std::uint64_t, std::uint64_t)>& progress = {}, int threads = 0);

}  // namespace pathline::data
