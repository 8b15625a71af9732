#include "data/read/keyed_permutation.h"

#include <stdexcept>
#include <utility>

namespace pathline::data {

namespace {

/// SplitMix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014; constants
/// by Stafford).
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

KeyedPermutation::KeyedPermutation(std::uint64_t size, RandomStream keys) : size_(size) {
  if (size == 0) throw std::logic_error("KeyedPermutation: there is no order of nothing");
  if (size > std::uint64_t{1} << 62) throw std::logic_error("KeyedPermutation: at most 2^62 values");
  while (size > std::uint64_t{1} << (2 * half_bits_)) ++half_bits_;
  for (std::uint64_t& key : keys_) key = keys.bits64();
}

std::uint64_t KeyedPermutation::operator()(std::uint64_t index) const {
  if (index >= size_) throw std::logic_error("KeyedPermutation: index beyond the end");
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t value = index;
  do {
    std::uint64_t left = value >> half_bits_, right = value & mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t swapped = left ^ (mix(right ^ key) & mask);
      left = right;
      right = swapped;
    }
    value = left << half_bits_ | right;
  } while (value >= size_);  // the domain is less than four times too large: fewer than four turns on average
  return value;
}

std::uint64_t KeyedPermutation::inverse(std::uint64_t value) const {
  if (value >= size_) throw std::logic_error("KeyedPermutation: value beyond the end");
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t index = value;
  do {
    std::uint64_t left = index >> half_bits_, right = index & mask;
    for (auto key = keys_.rbegin(); key != keys_.rend(); ++key) {
      const std::uint64_t swapped = right ^ (mix(left ^ *key) & mask);
      right = left;
      left = swapped;
    }
    index = left << half_bits_ | right;
  } while (index >= size_);
  return index;
}

}  // namespace pathline::data
