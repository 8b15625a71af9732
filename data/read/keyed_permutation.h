#pragma once
// A permutation of 0 … N−1 that is computed, never stored: a balanced Feistel network with cycle walking
// (docs/formats/shards.md, "The order of an epoch"; tests/data/read/sample_order_test.cpp pins its values).
//
// Let k be the least integer >= 1 with 4^k >= N, and key[0 .. 11] the first twelve 64-bit draws of the given stream.
// Write the index as two k-bit halves (left, right), high bits left; apply twelve rounds (left, right) <- (right,
// left XOR low k bits of mix(right XOR key[i])), with mix the SplitMix64 finalizer; repeat the whole until the value is
// below N. A Feistel network is a bijection whatever mix is, and cycle walking keeps it one on 0 … N−1.
//
// Making one costs twelve draws; make it once per epoch or window. Thread-safety: immutable value.

#include <array>
#include <cstdint>

#include "core/random.h"

namespace pathline::data {

class KeyedPermutation {
 public:
  /// REQUIRES: 1 <= size <= 2^62 (std::logic_error).
  KeyedPermutation(std::uint64_t size, RandomStream keys);
  std::uint64_t size() const noexcept { return size_; }
  /// Where `index` goes. REQUIRES: index < size() (std::logic_error).
  std::uint64_t operator()(std::uint64_t index) const;
  /// Which index goes to `value`.
  std::uint64_t inverse(std::uint64_t value) const;

 private:
  // More rounds than the four of Luby and Rackoff (1988): their bound needs wide halves, and small data sets have
  // halves of a few bits.
  static constexpr int rounds = 12;
  std::uint64_t size_;
  unsigned half_bits_ = 1;
  std::array<std::uint64_t, rounds> keys_;
};

}  // namespace pathline::data
