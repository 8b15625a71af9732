#pragma once
// One shard in the making (docs/formats/shards.md): gathers samples in memory, then writes them as one durable file.
// Whoever decides which folder the shards belong to, and when they are complete, is above: ShardWriter or WorkArea.
//
// Ownership: copies the samples. One object, one thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/shards/dataset_info.h"

namespace pathline::data {

class ShardBuilder {
 public:
  /// `info`: shape, dtype and conditions are used. Error(usage) at `place` if a shard of so many samples would pass 4
  /// GiB.
  ShardBuilder(const DatasetInfo& info, std::uint64_t samples_per_shard, const std::string& place);

  /// `checksum` is xxh3_64 of the sample's bytes: computed by the caller, for that may happen in another thread.
  /// REQUIRES: !full(), and of each of the set's conditions a value of the right size.
  void add(const void* sample, std::int64_t label, std::uint64_t checksum, const ConditionValues& conditions = {});
  std::uint64_t count() const noexcept { return labels_.size(); }
  bool full() const noexcept { return labels_.size() == samples_per_shard_; }

  /// Writes what was added as shard `number` into `folder`, and is empty again. Errors as core/durable_file.h.
  DatasetInfo::Shard write(const std::filesystem::path& folder, std::size_t number);

 private:
  DatasetInfo info_;
  std::uint64_t samples_per_shard_;
  std::vector<std::byte> samples_;
  std::vector<std::int64_t> labels_;
  std::vector<std::uint64_t> checksums_;
  std::vector<std::vector<std::byte>> conditions_;  // of all samples, per condition
  std::vector<std::uint64_t> condition_checksums_;  // [samples, conditions]
};

}  // namespace pathline::data
