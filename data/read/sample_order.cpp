#include "data/read/sample_order.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "core/random.h"

namespace pathline::data {

namespace {

// Streams of Purpose::sample_order, by their "sample" number.
constexpr std::uint64_t stream_of_samples = 0, stream_of_blocks = 1, first_stream_of_windows = 2;

}  // namespace

std::optional<Shuffle> parse_shuffle(const std::string& text) {
  if (text == "global") return Shuffle{};
  const std::string prefix = "windowed:";
  if (text.rfind(prefix, 0) != 0) return {};
  Shuffle shuffle;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, shuffle.window);
  if (error != std::errc{} || stop != end || shuffle.window < SampleOrder::blocks_per_window) return {};
  return shuffle;
}

SampleOrder::SampleOrder(std::uint64_t size, std::uint64_t seed, Shuffle shuffle) : size_(size), seed_(seed) {
  if (size == 0 || size > std::uint64_t{1} << 62) throw std::logic_error("SampleOrder: 1 to 2^62 samples");
  if (shuffle.window == 0) return;
  if (shuffle.window < blocks_per_window) throw std::logic_error("SampleOrder: a window holds at least 16 samples");
  block_ = std::min(shuffle.window / blocks_per_window, size);
  window_ = block_ * blocks_per_window;
  blocks_ = (size + block_ - 1) / block_;
}

SampleRef SampleOrder::at(std::uint64_t position) const {
  return Cursor(*this).at(position);
}

std::uint64_t SampleOrder::permute(std::uint64_t epoch, std::uint64_t index) const {
  return Cursor(*this).permute(epoch, index);
}

void SampleOrder::Cursor::enter(std::uint64_t epoch) {
  if (epoch_ == epoch) return;
  const bool windowed = order_->window_ != 0;
  outer_.emplace(
      windowed ? order_->blocks_ : order_->size_,
      RandomStream(order_->seed_, Purpose::sample_order, epoch, windowed ? stream_of_blocks : stream_of_samples));
  if (windowed) short_place_ = outer_->inverse(order_->blocks_ - 1);
  epoch_ = epoch;
  window_.reset();
}

/// The block at this place of the epoch's order of blocks.
SampleRun SampleOrder::Cursor::block_at(std::uint64_t place) const {
  const std::uint64_t first = (*outer_)(place)*order_->block_;
  return {first, std::min(order_->block_, order_->size_ - first)};
}

/// The sample at this index when blocks come in their order and samples within a block as they lie there.
std::uint64_t SampleOrder::Cursor::in_block_order(std::uint64_t index) const {
  const std::uint64_t block = order_->block_;
  const std::uint64_t missing = order_->blocks_ * block - order_->size_;  // what the last block lacks
  // Behind the short block, every index is as if the missing samples had been there.
  if (index >= (short_place_ + 1) * block - missing) index += missing;
  return block_at(index / block).first + index % block;
}

SampleRef SampleOrder::Cursor::at(std::uint64_t position) {
  const std::uint64_t epoch = position / order_->size_;
  return {position, epoch, permute(epoch, position % order_->size_)};
}

std::uint64_t SampleOrder::Cursor::permute(std::uint64_t epoch, std::uint64_t index) {
  const std::uint64_t size = order_->size_;
  if (index >= size) throw std::logic_error("SampleOrder: index beyond the end");
  enter(epoch);
  if (order_->window_ == 0) return (*outer_)(index);
  const std::uint64_t window = index / order_->window_, start = window * order_->window_;
  if (window_ != window) {
    inner_.emplace(std::min(order_->window_, size - start),
                   RandomStream(order_->seed_, Purpose::sample_order, epoch, first_stream_of_windows + window));
    window_ = window;
  }
  return in_block_order(start + (*inner_)(index - start));
}

std::uint64_t SampleOrder::Cursor::window_number(std::uint64_t position) const {
  if (order_->window_ == 0) return 0;
  const std::uint64_t windows = (order_->size_ + order_->window_ - 1) / order_->window_;
  return position / order_->size_ * windows + position % order_->size_ / order_->window_;
}

std::vector<SampleRun> SampleOrder::Cursor::next_window(std::uint64_t position) {
  std::vector<SampleRun> runs;
  if (order_->window_ == 0) return runs;
  enter(position / order_->size_);
  // A short block shifts the windows behind it by less than a block: one block more covers every case.
  const std::uint64_t first = (position % order_->size_ / order_->window_ + 1) * blocks_per_window;
  const std::uint64_t last = std::min(order_->blocks_, first + blocks_per_window + 1);
  for (std::uint64_t place = first; place < last; ++place) runs.push_back(block_at(place));
  return runs;
}

}  // namespace pathline::data
