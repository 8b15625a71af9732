#pragma once
// A shard's values in memory, read block by block as they are first asked for: large sequential reads instead of one
// small read per value, once instead of every epoch.
//
// Memory is reserved at once and occupied as blocks arrive. Contents are not checked here: ShardFile checks every value
// each time it is delivered. Thread-safety: find() from any number of threads; a block is read by one of them while
// the others go without the cache.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "data/shards/array_bytes.h"
#include "data/shards/buffer.h"

namespace pathline::data {

class ArrayCache {
 public:
  ArrayCache(std::uint64_t count, std::size_t value_bytes);
  /// Value `number`, or null while another thread is reading its block. Errors as ArrayBytes::read; the block can then
  /// be tried again.
  const std::byte* find(std::uint64_t number, const ArrayBytes& source);
  /// Value `number` will be asked for in a moment: starts to bring it nearer to the processor.
  void prefetch(std::uint64_t number) const;

 private:
  enum Block : std::uint8_t { absent, arriving, present };

  std::uint64_t count_;
  std::size_t value_bytes_;
  std::uint64_t values_per_block_;
  Buffer<std::byte> values_;
  std::unique_ptr<std::atomic<std::uint8_t>[]> blocks_;
};

}  // namespace pathline::data
