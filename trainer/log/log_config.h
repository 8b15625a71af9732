#pragma once
// Section [log] of a training configuration. Thread-safety: plain value.

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/config_fields.h"

namespace pathline {

struct LogConfig {
  std::filesystem::path dir = "run/log";
  std::uint64_t every = 50, preview_every = 500;  ///< steps
  std::int64_t preview_steps = 10;
  bool tensorboard = true;
  std::string samples;          ///< prefix of files; empty: none
  std::filesystem::path trace;  ///< folder; empty: none

  void fields(FieldVisitor& f);
  /// Error(usage) at the key's place.
  void check(const Config& config) const;
};

}  // namespace pathline
