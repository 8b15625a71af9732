#pragma once
// The order of samples: a function of (seed, epoch, position), computed, never stored (docs/formats/shards.md). A run's
// position is one integer, the number of samples consumed: position p is sample i = p mod N of epoch p / N.
//
// Two orders. Global: one keyed permutation of 0 … N−1 per epoch. Windowed, for disks that are slow at random reads:
// the set is cut into blocks of consecutive samples, the blocks come in a keyed order, sixteen of them make a window,
// and the window's samples come in a keyed order. Either delivers every sample exactly once per epoch and can be
// entered at any position. Both are part of a run's definition: changing them changes every resumed run;
// tests/data/read/sample_order_test.cpp pins their values.
//
// Thread-safety: SampleOrder is an immutable value; a Cursor belongs to one thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/read/keyed_permutation.h"

namespace pathline::data {

struct SampleRef {
  std::uint64_t position = 0, epoch = 0, id = 0;
};

/// How an epoch is shuffled.
struct Shuffle {
  std::uint64_t window = 0;  ///< samples per window; 0: global
  bool operator==(const Shuffle&) const = default;
};

/// "global" or "windowed:N" with N >= 16 (rounded down to a multiple of 16). Nothing if the text is neither.
std::optional<Shuffle> parse_shuffle(const std::string& text);

/// Consecutive samples first … first + count - 1.
struct SampleRun {
  std::uint64_t first = 0, count = 0;
};

class SampleOrder {
 public:
  static constexpr std::uint64_t blocks_per_window = 16;

  /// REQUIRES: 1 <= size <= 2^62; a window is 0 or at least 16.
  SampleOrder(std::uint64_t size, std::uint64_t seed, Shuffle shuffle = {});
  /// Throws Error(usage) beyond epoch 2^24 - 1.
  SampleRef at(std::uint64_t position) const;
  /// The sample at index i of `epoch`.
  std::uint64_t permute(std::uint64_t epoch, std::uint64_t index) const;

  /// The same values for many positions: keeps what belongs to the last epoch and window.
  class Cursor {
   public:
    explicit Cursor(const SampleOrder& order) : order_(&order) {}
    SampleRef at(std::uint64_t position);
    std::uint64_t permute(std::uint64_t epoch, std::uint64_t index);
    /// Images of the window after the one that `position` lies in, in the same epoch, as they lie on disk; empty for a
    /// global order and after the last window.
    std::vector<SampleRun> next_window(std::uint64_t position);
    /// Number of the window that `position` lies in, over all epochs; 0 for a global order.
    std::uint64_t window_number(std::uint64_t position) const;

   private:
    void enter(std::uint64_t epoch);
    SampleRun block_at(std::uint64_t place) const;
    std::uint64_t in_block_order(std::uint64_t index) const;

    const SampleOrder* order_;
    std::optional<std::uint64_t> epoch_;
    std::optional<KeyedPermutation> outer_;  // global: of samples; windowed: of blocks
    std::uint64_t short_place_ = 0;          // where the order of blocks has the last, possibly shorter, one
    std::optional<std::uint64_t> window_;
    std::optional<KeyedPermutation> inner_;  // of the window's samples
  };

 private:
  std::uint64_t size_, seed_;
  std::uint64_t window_ = 0, block_ = 0, blocks_ = 0;  // samples per window and block, number of blocks; 0: global
};

}  // namespace pathline::data
