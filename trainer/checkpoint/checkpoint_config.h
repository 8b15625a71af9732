#pragma once
// Section [checkpoint] of a training configuration. Thread-safety: plain value.

#include <cstdint>
#include <filesystem>

#include "core/config_fields.h"

namespace pathline {

struct CheckpointConfig {
  std::filesystem::path dir = "run/checkpoints";
  std::uint64_t every = 1000;  ///< steps; 0: only at the end
  std::int64_t keep = 3;
  bool async = true;

  void fields(FieldVisitor& f);
  /// Error(usage) at the key's place.
  void check(const Config& config) const;
};

}  // namespace pathline
