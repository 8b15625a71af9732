#include "data/read/image_cache.h"

#include <algorithm>

namespace pathline::data {

namespace {

// Large enough that a read costs more than asking for it, small enough that the first batch, whose images all lie in
// different blocks, does not wait long.
constexpr std::size_t block_bytes = 64 * 1024;

}  // namespace

ImageCache::ImageCache(std::uint64_t count, std::size_t image_bytes)
    : count_(count),
      image_bytes_(image_bytes),
      block_images_(std::max<std::uint64_t>(1, block_bytes / image_bytes)),
      blocks_(std::make_unique<std::atomic<std::uint8_t>[]>((count + block_images_ - 1) / block_images_)) {
  images_.resize(count * image_bytes, false);
}

const std::byte* ImageCache::find(std::uint64_t number, const ImageBytes& source) {
  std::atomic<std::uint8_t>& block = blocks_[number / block_images_];
  const std::byte* image = images_.data() + number * image_bytes_;
  if (block.load(std::memory_order_acquire) == present) return image;
  std::uint8_t expected = absent;
  if (!block.compare_exchange_strong(expected, arriving, std::memory_order_acq_rel))
    return expected == present ? image : nullptr;
  const std::uint64_t first = number / block_images_ * block_images_;
  try {
    source.read(first, std::min(block_images_, count_ - first), images_.data() + first * image_bytes_);
  } catch (...) {
    block.store(absent, std::memory_order_release);
    throw;
  }
  block.store(present, std::memory_order_release);
  return image;
}

void ImageCache::prefetch(std::uint64_t number) const {
  // The processor goes on by itself after the first lines.
  constexpr std::size_t lines = 8, line = 64;
  const std::byte* image = images_.data() + number * image_bytes_;
  for (std::size_t i = 0; i < std::min(lines * line, image_bytes_); i += line) __builtin_prefetch(image + i);
}

}  // namespace pathline::data
