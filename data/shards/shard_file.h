#pragma once
// One shard file, opened and checked: the HDF5 structure once, at open; afterwards plain byte ranges.
//
// Ownership: owns its sources of bytes, labels and checksums. Thread-safety: immutable once set up; sample() and
// condition() from any number of threads.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/shards/shard_set.h"
#include "data/shards/stored_array.h"

namespace pathline::data {

class ShardFile {
 public:
  /// Checks shard number `index` of `info` against what the index says of it: size, format version, layout, labels,
  /// checksums. Throws Error(bad_input) or Error(file_system).
  static ShardFile open(const std::filesystem::path& folder, const DatasetInfo& info, std::size_t index,
                        ReadBackend backend = ReadBackend::pread);
  /// From now on, samples and conditions that were read once stay in memory.
  void keep_in_memory();

  std::uint64_t count() const noexcept { return records_.size(); }
  std::int64_t label(std::uint64_t local) const noexcept { return records_[local].label; }
  /// Sample `local` (0 … count − 1), its checksum verified: in the cache, or read into `scratch`. `id` is its number in
  /// the whole set, for the error message.
  const std::byte* sample(std::uint64_t local, std::byte* scratch, std::uint64_t id) const {
    return samples_->value(local, scratch, records_[local].checksum, "sample", id);
  }
  /// The same of a condition's value, `index` being its place in DatasetInfo::conditions.
  const std::byte* condition(std::uint64_t local, std::size_t index, std::byte* scratch, std::uint64_t id) const {
    return conditions_[index].value(local, scratch, condition_checksums_[local * conditions_.size() + index],
                                    "the condition of sample", id);
  }
  void prefetch(std::uint64_t local) const {
    __builtin_prefetch(&records_[local]);
    samples_->prefetch(local);
  }
  void announce(std::uint64_t first, std::uint64_t count) const;

 private:
  struct Record {  // together, for in random order each costs a trip to memory
    std::uint64_t checksum;
    std::int64_t label;
  };
  ShardFile() = default;
  void check_label_conditions(const DatasetInfo& info, std::uint64_t first_id);

  std::optional<StoredArray> samples_;  // always there once it is open
  std::vector<Record> records_;
  std::vector<StoredArray> conditions_;
  std::vector<std::uint64_t> condition_checksums_;  // [samples, conditions]
};

}  // namespace pathline::data
