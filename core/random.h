#pragma once
// Counter-based random draws: every number is a pure function of (seed, purpose, epoch, sample, draw), so that noise,
// times, dropped labels and flips belong to the sample and never depend on rank, batch, thread or restart
// (docs/random-numbers.md).
//
// Generator: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11; Random123).
//   key     = (seed low, seed high)
//   counter = (block, purpose << 24 | epoch, sample low, sample high);  block b yields draws 4b .. 4b+3.
// A stream holds 2^34 draws; taking more throws std::out_of_range rather than repeat any.
// Thread-safety: a RandomStream is a value; use one per thread.

#include <array>
#include <cstdint>
#include <span>

namespace pathline {

/// What a draw is for. The numbers are part of the file format of a run: never change or reuse one.
enum class Purpose : std::uint32_t {
  sample_order = 1,   ///< round keys of the epoch permutation
  noise = 2,          ///< x0 of a training sample
  time = 3,           ///< t of a training sample
  label_drop = 4,     ///< whether the label is dropped (classifier-free guidance)
  flip = 5,           ///< horizontal flip
  generation = 6,     ///< x0 of a generated sample (`pathline sample`, preview)
  weights = 7,        ///< initial weights
  dropout = 8,        ///< seed of dropout masks
  validation = 9,     ///< noise of fixed validation batches
  crop = 10,          ///< where a padded training image is cut
  solver_noise = 12,  ///< noise of a stochastic solver; the epoch is the number of the draw
  objective = 13,     ///< what the loss of a training sample draws beside noise and time
  toy_data = 20,      ///< rows of a toy density (`pathline shards create --from toy:…`)
};

class RandomStream {
 public:
  /// REQUIRES: epoch < 2^24 (throws Error(usage) otherwise).
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch, std::uint64_t sample);

  std::uint32_t bits32();  ///< next 32 random bits
  std::uint64_t bits64();  ///< two consecutive draws, low word first
  double uniform();        ///< in the open interval (0, 1), an odd multiple of 2^-53; takes two draws
  /// N(0, 1) by Box-Muller in double, rounded; two draws give two normals, an odd last one takes two draws as well.
  /// The same bits on every IEEE 754 machine: logarithm, sine and cosine are our own. Largest magnitude 6.77.
  void fill_normal(std::span<float> out);
  void fill_normal(std::span<double> out);  ///< the same numbers before rounding
  void fill_bits(std::span<std::uint32_t> out);
  void seek(std::uint64_t draw);  ///< next draw is number `draw`. REQUIRES: draw <= 2^34 (std::out_of_range)

 private:
  template <class Real>
  void fill_normal_as(std::span<Real> out);
  std::array<std::uint32_t, 4> next_block();

  std::uint64_t block_number_ = 0;  // of the block that next_block() makes; 64 bits, so that the end shows
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 3> place_;  // counter words 1 to 3
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;  // words of block_ already handed out
};

}  // namespace pathline
