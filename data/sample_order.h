#pragma once
// The order of samples: a keyed permutation of 0 … N−1 per epoch, computed, never stored (DESIGN §5;
// docs/formats/shards.md). A run's position is one integer, the number of samples consumed: position p is sample i = p
// mod N of epoch p / N.
//
// permute(): let k be the least integer >= 1 with 2^(2k) >= N, and key[0 .. 11] the first twelve 64-bit draws of
// RandomStream(seed, Purpose::sample_order, epoch, sample 0). Write the index as two k-bit halves (left, right), high
// bits left; apply twelve rounds (left, right) <- (right, left XOR low k bits of mix(right XOR key[i])), with mix the
// SplitMix64 finalizer; repeat the whole until the value is below N (cycle walking). A Feistel network is a bijection
// whatever mix is, and cycle walking keeps it one on 0 ... N-1. This function is part of a run's definition: changing
// it changes every resumed run. tests/data/sample_order_test.cpp pins its values.
//
// Thread-safety: immutable values.

#include <cstdint>

namespace pathline::data {

struct SampleRef {
  std::uint64_t position = 0, epoch = 0, id = 0;
};

class SampleOrder {
 public:
  /// REQUIRES: 1 <= size <= 2^62.
  SampleOrder(std::uint64_t size, std::uint64_t seed);
  /// Throws Error(usage) beyond epoch 2^24 - 1.
  SampleRef at(std::uint64_t position) const;
  /// Where index i of `epoch` goes: a balanced Feistel network over 2k bits with cycle walking.
  std::uint64_t permute(std::uint64_t epoch, std::uint64_t index) const;

 private:
  std::uint64_t size_, seed_;
  unsigned half_bits_;
};

/// Micro-batches of one optimizer step that one rank works on. The global batch is cut into global_batch / micro_batch
/// micro-batches; rank r of n gets the contiguous run [M r / n, M (r+1) / n).
struct BatchPlan {
  std::uint64_t global_batch = 0, micro_batch = 0;
  int rank = 0, ranks = 1;
  std::uint64_t micro_batches() const { return global_batch / micro_batch; }
  std::uint64_t first_micro() const {
    return micro_batches() * static_cast<std::uint64_t>(rank) / static_cast<std::uint64_t>(ranks);
  }
  std::uint64_t last_micro() const {
    return micro_batches() * static_cast<std::uint64_t>(rank + 1) / static_cast<std::uint64_t>(ranks);
  }
};

}  // namespace pathline::data
