#pragma once
// Section [data] of a training configuration: where the samples are and how they are read. Thread-safety: plain value.

#include <cstdint>
#include <filesystem>

#include "core/config_fields.h"
#include "data/read/sample_order.h"
#include "data/shards/shard_set.h"

namespace pathline::data {

struct ReadingConfig {
  std::filesystem::path shards;
  int threads = 2, prefetch = 4;
  std::uint64_t prefetch_mib = 256, cache_mib = 256;
  ReadBackend backend = ReadBackend::pread;
  Shuffle shuffle;

  std::uint64_t prefetch_bytes() const { return prefetch_mib << 20; }
  std::uint64_t cache_bytes() const { return cache_mib << 20; }

  void fields(FieldVisitor& f);
  /// Across keys, and what no default can be: Error(usage) at the key's place.
  void check(const Config& config) const;
};

}  // namespace pathline::data
