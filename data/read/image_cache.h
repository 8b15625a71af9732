#pragma once
// A shard's images in memory, read block by block as they are first asked for: large sequential reads instead of one
// small read per image, once instead of every epoch.
//
// Memory is reserved at once and occupied as blocks arrive. Contents are not checked here: ShardFile checks every image
// each time it is delivered. Thread-safety: find() from any number of threads; a block is read by one of them while
// the others go without the cache.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "data/shards/buffer.h"
#include "data/shards/image_bytes.h"

namespace pathline::data {

class ImageCache {
 public:
  ImageCache(std::uint64_t count, std::size_t image_bytes);
  /// Image `number`, or null while another thread is reading its block. Errors as ImageBytes::read; the block can then
  /// be tried again.
  const std::byte* find(std::uint64_t number, const ImageBytes& source);
  /// Image `number` will be asked for in a moment: starts to bring it nearer to the processor.
  void prefetch(std::uint64_t number) const;

 private:
  enum Block : std::uint8_t { absent, arriving, present };

  std::uint64_t count_;
  std::size_t image_bytes_;
  std::uint64_t block_images_;
  Buffer<std::byte> images_;
  std::unique_ptr<std::atomic<std::uint8_t>[]> blocks_;
};

}  // namespace pathline::data
