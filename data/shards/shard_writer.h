#pragma once
// Writes a shard folder (docs/formats/shards.md): shards of bounded size, then index.json, all durable; the folder
// appears whole or not at all. Errors as core/durable_file.h; Error(usage) if the target folder exists. One object, one
// thread.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "data/shards/shard_set.h"

namespace pathline::data {

class ShardWriter {
 public:
  /// `info`: name, split, shape, dtype, class_names, mean, scale, conditions; counts and hashes are filled in here. A
  /// shard is built in memory: samples_per_shard times the bytes of a sample and its conditions may be at most 4 GiB,
  /// else Error(usage).
  ShardWriter(std::filesystem::path folder, DatasetInfo info, std::uint64_t samples_per_shard);
  ~ShardWriter();
  /// A sample as DatasetInfo says that it lies, and a value for each of the set's conditions. Error(bad_input) for a
  /// label that is no class, a float32 value that is not finite, or conditions that are not those of the set.
  void add(const void* sample, std::int64_t label, const ConditionValues& conditions = {});
  /// Error(bad_input) if there were no samples.
  DatasetInfo finish();  ///< writes the last shard and the index, then renames the folder into place

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pathline::data
