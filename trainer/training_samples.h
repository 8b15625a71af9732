#pragma once
// From a micro-batch of stored samples to the network's x1: scaled; pictures channels first, mirrored and cut where
// drawn so, others as they lie.
//
// Both draws are a pure function of (seed, epoch, sample id), so a sample is mirrored and cut alike on any rank, in any
// batch, after any restart (docs/random-numbers.md). Thread-safety: pure.

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "data/read/reader.h"
#include "data/shards/shard_set.h"

namespace pathline {

struct PictureSettings {
  std::uint64_t seed = 0;
  bool flip = false;
  /// Pixels added on each side before a random cut of the image's own size. They mirror the image at its edge, which is
  /// not repeated (… 2 1 | 0 1 2 …): black borders would be learnt as part of the data. Less than height and width.
  std::int64_t crop_padding = 0;
};

/// x1 float32, (value - mean[c]) / scale[c]: [B, C, H, W], [B, D] or [B, H, D]. REQUIRES: `batch` comes from a set
/// described by `info`.
at::Tensor make_training_samples(const data::Batch& batch, const data::DatasetInfo& info,
                                 const PictureSettings& settings);

}  // namespace pathline
