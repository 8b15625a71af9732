#pragma once
// From a micro-batch of stored samples to what the loss needs: scaled samples, noise, times, labels.
//
// Every draw is a pure function of (seed, epoch, sample id), so a sample gets the same noise, time, flip, crop and
// label drop on any rank, in any batch, after any restart (docs/random-numbers.md). Thread-safety: pure.

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "flow/times/time_law.h"

namespace pathline {

struct TrainingBatch {
  /// x1 float32, (value - mean[c]) / scale[c]: pictures [B, C, H, W], mirrored and cut where drawn so, vectors [B, D]
  /// or sequences [B, H, D].
  at::Tensor images;
  at::Tensor noise;   ///< x0, as x1, N(0, 1)
  at::Tensor times;   ///< t [B] float32
  at::Tensor labels;  ///< [B] int64, `classes` where dropped; undefined when classes is 0
};

struct BatchSettings {
  std::uint64_t seed = 0;
  flow::TimeLaw time_law = flow::TimeLaw::uniform();
  double label_drop = 0;
  bool flip = false;
  std::int64_t classes = 0;
  /// Pixels added on each side before a random cut of the image's own size. They mirror the image at its edge, which is
  /// not repeated (… 2 1 | 0 1 2 …): black borders would be learnt as part of the data. Less than height and width.
  std::int64_t crop_padding = 0;
};

/// REQUIRES: `batch` comes from a set described by `info`.
TrainingBatch make_training_batch(const data::Batch& batch, const data::DatasetInfo& info,
                                  const BatchSettings& settings);

}  // namespace pathline
