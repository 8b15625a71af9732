#pragma once
// How a global batch is cut into micro-batches and shared out over ranks. Plain value.

#include <cstdint>

#include "core/share.h"

namespace pathline::data {

/// The part of each global batch that one rank works on: of its global_batch / micro_batch micro-batches, those of its
/// share.
struct BatchPlan {
  std::uint64_t global_batch = 0, micro_batch = 0;
  int rank = 0, ranks = 1;
  std::uint64_t micro_batches() const { return global_batch / micro_batch; }
  Share share() const {
    return share_of(micro_batches(), static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(ranks));
  }
  std::uint64_t first_micro() const { return share().first; }
  std::uint64_t last_micro() const { return share().last; }
};

}  // namespace pathline::data
