#include "data/sample_order.h"

#include <stdexcept>

#include "core/random.h"

namespace pathline::data {

namespace {

// More rounds than the four of Luby and Rackoff (1988): their bound needs wide halves, and small data sets have halves
// of a few bits.
constexpr int rounds = 12;

/// SplitMix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014; constants
/// by Stafford).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

SampleOrder::SampleOrder(std::uint64_t size, std::uint64_t seed) : size_(size), seed_(seed), half_bits_(1) {
  if (size == 0) throw std::logic_error("SampleOrder: there is no order of nothing");
  if (size > std::uint64_t{1} << 62) throw std::logic_error("SampleOrder: at most 2^62 samples");
  while (size > std::uint64_t{1} << (2 * half_bits_)) ++half_bits_;
}

SampleRef SampleOrder::at(std::uint64_t position) const {
  const std::uint64_t epoch = position / size_;
  return {position, epoch, permute(epoch, position % size_)};
}

std::uint64_t SampleOrder::permute(std::uint64_t epoch, std::uint64_t index) const {
  if (index >= size_) throw std::logic_error("SampleOrder::permute: index beyond the end");
  RandomStream stream(seed_, Purpose::sample_order, epoch, 0);
  std::uint64_t keys[rounds];
  for (std::uint64_t& key : keys) key = stream.bits64();

  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t value = index;
  do {
    std::uint64_t left = value >> half_bits_, right = value & mask;
    for (const std::uint64_t key : keys) {
      const std::uint64_t swapped = left ^ (mix(right ^ key) & mask);
      left = right;
      right = swapped;
    }
    value = left << half_bits_ | right;
  } while (value >= size_);  // cycle walking: the domain is less than four times too large, so this takes fewer than
                             // four turns on average
  return value;
}

}  // namespace pathline::data
