#pragma once
// One array of an open shard that has a value per sample: the samples themselves, or a condition. What it hands out was
// read from the shard or kept in memory, and agrees with its checksum.
//
// Ownership: owns its source of bytes and its cache. Thread-safety: immutable once set up; value() from any number of
// threads.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "data/read/array_cache.h"
#include "data/shards/array_bytes.h"

namespace pathline::data {

class StoredArray {
 public:
  /// `count` values of `value_bytes` each. `place`: file and dataset, for messages.
  StoredArray(std::unique_ptr<ArrayBytes> source, std::uint64_t count, std::size_t value_bytes, std::string place);
  /// From now on, values that were read once stay in memory.
  void keep_in_memory();

  std::size_t value_bytes() const noexcept { return value_bytes_; }
  const std::string& place() const noexcept { return place_; }
  /// Value `local` (0 … count − 1), whose xxh3 must be `checksum`: in the cache, or read into `scratch`. `what`
  /// ("sample", "condition") and `id`, the sample's number in the whole set, are for the error message.
  const std::byte* value(std::uint64_t local, std::byte* scratch, std::uint64_t checksum, const char* what,
                         std::uint64_t id) const;
  void prefetch(std::uint64_t local) const {
    if (cache_ != nullptr) cache_->prefetch(local);
  }
  void announce(std::uint64_t first, std::uint64_t count) const { source_->announce(first, count); }

 private:
  std::unique_ptr<ArrayBytes> source_;
  std::unique_ptr<ArrayCache> cache_;
  std::uint64_t count_;
  std::size_t value_bytes_;
  std::string place_;
};

}  // namespace pathline::data
