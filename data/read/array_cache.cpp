#include "data/read/array_cache.h"

#include <algorithm>

namespace pathline::data {

namespace {

// Large enough that a read costs more than asking for it, small enough that the first batch, whose values all lie in
// different blocks, does not wait long.
constexpr std::size_t block_bytes = 64 * 1024;

}  // namespace

ArrayCache::ArrayCache(std::uint64_t count, std::size_t value_bytes)
    : count_(count),
      value_bytes_(value_bytes),
      values_per_block_(std::max<std::uint64_t>(1, block_bytes / value_bytes)),
      blocks_(std::make_unique<std::atomic<std::uint8_t>[]>((count + values_per_block_ - 1) / values_per_block_)) {
  values_.resize(count * value_bytes, false);
}

const std::byte* ArrayCache::find(std::uint64_t number, const ArrayBytes& source) {
  std::atomic<std::uint8_t>& block = blocks_[number / values_per_block_];
  const std::byte* value = values_.data() + number * value_bytes_;
  if (block.load(std::memory_order_acquire) == present) return value;
  std::uint8_t expected = absent;
  if (!block.compare_exchange_strong(expected, arriving, std::memory_order_acq_rel))
    return expected == present ? value : nullptr;
  const std::uint64_t first = number / values_per_block_ * values_per_block_;
  try {
    source.read(first, std::min(values_per_block_, count_ - first), values_.data() + first * value_bytes_);
  } catch (...) {
    block.store(absent, std::memory_order_release);
    throw;
  }
  block.store(present, std::memory_order_release);
  return value;
}

void ArrayCache::prefetch(std::uint64_t number) const {
  // The processor goes on by itself after the first lines.
  constexpr std::size_t lines = 8, line = 64;
  const std::byte* value = values_.data() + number * value_bytes_;
  for (std::size_t i = 0; i < std::min(lines * line, value_bytes_); i += line) __builtin_prefetch(value + i);
}

}  // namespace pathline::data
