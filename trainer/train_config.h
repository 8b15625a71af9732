#pragma once
// Section [train] of a training configuration: how long, on what, with what batches, draws and averages.
// Thread-safety: plain value.

#include <cstdint>
#include <string>

#include "core/config_fields.h"

namespace pathline {

struct TrainConfig {
  std::uint64_t steps = 0, images = 0;  ///< one of them; resolve() turns images into steps
  std::uint64_t global_batch = 128, micro_batch = 0, seed = 0;
  std::string device = "auto";  ///< as configured: auto, cpu or cuda
  bool bf16 = false;            ///< train.precision
  int threads = 0;
  bool flip = false;
  std::int64_t crop_padding = 0;
  std::uint64_t max_skipped = 5;
  double ema_halflife = 500000, ema_ramp = 0.05;

  void fields(FieldVisitor& f);
  /// Replaces what is left to the job: micro_batch 0, threads 0 and a length in images. `ranks`, `local_ranks`,
  /// `cores`: of this job. Throws Error(usage) at the key's place for values that do not fit together, with what would.
  void resolve(const Config& config, bool reproducible, int ranks, int local_ranks, int cores);
};

}  // namespace pathline
