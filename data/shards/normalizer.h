#pragma once
// Stored values as the network sees them: (value - mean[c]) / scale[c], computed in double precision and rounded once
// to float. uint8 values take a quicker way that is used only if it gives the same 256 floats.
//
// Thread-safety: immutable value.

#include <cstddef>
#include <vector>

#include "data/shards/shard_set.h"

namespace pathline::data {

class Normalizer {
 public:
  explicit Normalizer(const DatasetInfo& info);
  /// One sample as it is stored to floats in the same order.
  void operator()(const std::byte* stored, float* out) const;

 private:
  std::size_t places_, channels_;
  bool bytes_, uniform_ = false;
  std::vector<double> mean_, scale_;
  std::vector<float> tables_;  // of 256 floats per channel
};

/// A value of a condition that is no label, as it is stored, to floats in the same order: (value - mean[k]) / scale[k],
/// k being the place along its first dimension; computed in double precision and rounded once.
void normalize_condition(const ConditionArray& condition, const std::byte* stored, float* out);

}  // namespace pathline::data
