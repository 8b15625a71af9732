#pragma once
// Section [parallel] of a training configuration: how ranks share the work. Thread-safety: plain value.

#include <cstddef>
#include <string>

#include "core/config_fields.h"

namespace pathline {

struct ParallelConfig {
  std::string backend = "auto", reduction = "fast";
  bool overlap = true;
  double first_bucket_mib = 1, bucket_mib = 0;
  bool compress_gradients = false;  ///< parallel.wire
  bool shard_optimizer = false;
  double timeout = 600;  ///< seconds

  bool reproducible() const { return reduction == "reproducible"; }
  std::size_t first_bucket_bytes() const { return static_cast<std::size_t>(first_bucket_mib * 1048576.0); }
  std::size_t bucket_bytes() const { return static_cast<std::size_t>(bucket_mib * 1048576.0); }

  void fields(FieldVisitor& f);
  /// Across keys: Error(usage) at the key's place.
  void check(const Config& config) const;
};

}  // namespace pathline
