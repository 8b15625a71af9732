#pragma once
// One shard file, opened and checked: the HDF5 structure once, at open; afterwards plain byte ranges.
//
// Ownership: owns its source of bytes, labels and checksums. Thread-safety: immutable once set up; sample() from any
// number of threads.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/read/array_cache.h"
#include "data/shards/array_bytes.h"
#include "data/shards/shard_set.h"

namespace pathline::data {

class ShardFile {
 public:
  /// Checks shard number `index` of `info` against what the index says of it: size, format version, layout, labels,
  /// checksums. Throws Error(bad_input) or Error(file_system).
  static ShardFile open(const std::filesystem::path& folder, const DatasetInfo& info, std::size_t index,
                        ReadBackend backend = ReadBackend::pread);
  /// From now on, samples that were read once stay in memory.
  void keep_in_memory();

  std::uint64_t count() const noexcept { return records_.size(); }
  std::int64_t label(std::uint64_t local) const noexcept { return records_[local].label; }
  /// Image `local` (0 … count − 1), its checksum verified: in the cache, or read into `scratch`. `id` is its number in
  /// the whole set, for the error message.
  const std::byte* sample(std::uint64_t local, std::byte* scratch, std::uint64_t id) const;
  void prefetch(std::uint64_t local) const {
    __builtin_prefetch(&records_[local]);
    if (cache_ != nullptr) cache_->prefetch(local);
  }
  void announce(std::uint64_t first, std::uint64_t count) const { source_->announce(first, count); }

 private:
  struct Record {  // together, for in random order each costs a trip to memory
    std::uint64_t checksum;
    std::int64_t label;
  };
  ShardFile() = default;
  std::filesystem::path path_;
  std::string samples_path_;  // "/images" or "/rows"
  std::unique_ptr<ArrayBytes> source_;
  std::unique_ptr<ArrayCache> cache_;
  std::size_t sample_bytes_ = 0;
  std::vector<Record> records_;
};

}  // namespace pathline::data
