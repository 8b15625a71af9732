#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "core/share.h"
#include "trainer/parallel/engine/add_floats.h"
#include "trainer/parallel/engine/bfloat16.h"
#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {
namespace {

// Beyond this, messages to every other rank cost more than the hops of the library's own all-reduce.
constexpr int kMostDirectRanks = 16;

/// Everything blocks, so there is nothing to order.
class CommunicatorChannel final : public HostChannel {
 public:
  explicit CommunicatorChannel(std::unique_ptr<Communicator> communicator) : communicator_(std::move(communicator)) {}

  std::string name() const override { return communicator_->name(); }
  int rank() const override { return communicator_->rank(); }
  int size() const override { return communicator_->size(); }
  void mark_ready(std::size_t) override {}
  void order_after() override {}

  void all_reduce_sum(std::size_t, std::span<float> values, Compression compression) override {
    if (size() == 1) return;
    if (compression == Compression::none && size() > kMostDirectRanks) {
      communicator_->all_reduce_sum(values);
      return;
    }
    const std::vector<Slice> slices = even_slices(values.size());
    if (compression == Compression::none) {
      sum_at_owners(values, slices);
      send_from_owners(values, slices);
      return;
    }
    reduce_rounded(values, slices);
    // The owners' sums are exact in bf16 only after this rounding; every rank must hold the same.
    const auto own = values.subspan(slices[self()].offset, slices[self()].count);
    sum_.resize(own.size());
    round_to_bfloat16(own, sum_);
    std::vector<std::span<const std::byte>> to_each(ranks(), std::as_bytes(std::span<const std::uint16_t>(sum_)));
    exchange_halves(to_each, slices);
    std::size_t at = 0;
    for (const Slice& slice : slices) {
      widen(std::span<const std::uint16_t>(received_).subspan(at, slice.count),
            values.subspan(slice.offset, slice.count));
      at += slice.count;
    }
  }

  void reduce_to_owners(std::size_t, std::span<float> values, std::span<const Slice> slices,
                        Compression compression) override {
    if (size() == 1) return;
    if (compression == Compression::bf16) {
      reduce_rounded(values, slices);
      return;
    }
    sum_at_owners(values, slices);
  }

  void gather_from_owners(std::size_t, std::span<float> values, std::span<const Slice> slices) override {
    if (size() > 1) send_from_owners(values, slices);
  }

  void all_to_all(std::span<const std::span<const std::byte>> to_each,
                  std::span<const std::span<std::byte>> from_each) override {
    communicator_->all_to_all(to_each, from_each);
  }

 private:
  std::size_t ranks() const { return static_cast<std::size_t>(size()); }
  std::size_t self() const { return static_cast<std::size_t>(rank()); }

  std::vector<Slice> even_slices(std::size_t count) const {
    std::vector<Slice> slices;
    for (std::size_t r = 0; r < ranks(); ++r) {
      const Share share = share_of(count, r, ranks());
      slices.push_back({share.first, share.count()});
    }
    return slices;
  }

  /// Every rank sends each owner its part at once: as many bytes as a ring, in one hop instead of N - 1, and the order
  /// of adding is the same in every run.
  void sum_at_owners(std::span<float> values, std::span<const Slice> slices) {
    const auto own = values.subspan(slices[self()].offset, slices[self()].count);
    incoming_.resize(own.size() * ranks());
    const auto part = [&](std::size_t peer) {
      return peer == self() ? own : std::span<float>(incoming_).subspan(peer * own.size(), own.size());
    };
    std::vector<std::span<const std::byte>> to_each;
    std::vector<std::span<std::byte>> from_each;
    for (std::size_t peer = 0; peer < ranks(); ++peer) {
      to_each.push_back(std::as_bytes(values.subspan(slices[peer].offset, slices[peer].count)));
      from_each.push_back(std::as_writable_bytes(part(peer)));
    }
    communicator_->all_to_all(to_each, from_each);
    // In the order of the ranks, whoever owns the slice: a value's sum does not depend on how slices are cut.
    const std::span<float> sum = part(0);
    for (std::size_t peer = 1; peer < ranks(); ++peer) add_floats(sum, part(peer));
    if (self() != 0) std::copy(sum.begin(), sum.end(), own.begin());
  }

  void send_from_owners(std::span<float> values, std::span<const Slice> slices) {
    const auto own = std::as_bytes(values.subspan(slices[self()].offset, slices[self()].count));
    const std::vector<std::span<const std::byte>> to_each(ranks(), own);
    std::vector<std::span<std::byte>> from_each;
    for (const Slice& slice : slices)
      from_each.push_back(std::as_writable_bytes(values.subspan(slice.offset, slice.count)));
    communicator_->all_to_all(to_each, from_each);
  }

  /// Receives bf16 values of every rank, `slices[r].count` (or, for a sum, the own count) from rank r, into received_.
  void exchange_halves(const std::vector<std::span<const std::byte>>& to_each, std::span<const Slice> from) {
    std::size_t total = 0;
    for (const Slice& slice : from) total += slice.count;
    received_.resize(total);
    std::vector<std::span<std::byte>> from_each;
    std::size_t at = 0;
    for (const Slice& slice : from) {
      from_each.push_back(std::as_writable_bytes(std::span<std::uint16_t>(received_).subspan(at, slice.count)));
      at += slice.count;
    }
    communicator_->all_to_all(to_each, from_each);
  }

  /// Owners sum what the ranks sent, rounded once each, in float32: the error does not grow with the number of ranks
  /// as it does in a ring that rounds at every hop.
  void reduce_rounded(std::span<float> values, std::span<const Slice> slices) {
    rounded_.resize(values.size());
    round_to_bfloat16(values, rounded_);
    std::vector<std::span<const std::byte>> to_each;
    for (const Slice& slice : slices) {
      to_each.push_back(std::as_bytes(std::span<const std::uint16_t>(rounded_).subspan(slice.offset, slice.count)));
    }
    const Slice own = slices[self()];
    exchange_halves(to_each, std::vector<Slice>(ranks(), own));
    const auto sum = values.subspan(own.offset, own.count);
    std::fill(sum.begin(), sum.end(), 0.0F);
    for (std::size_t peer = 0; peer < ranks(); ++peer) {
      add_bfloat16(std::span<const std::uint16_t>(received_).subspan(peer * own.count, own.count), sum);
    }
  }

  std::unique_ptr<Communicator> communicator_;
  // Kept from step to step.
  std::vector<float> incoming_;
  std::vector<std::uint16_t> rounded_, received_, sum_;
};

}  // namespace

std::unique_ptr<HostChannel> make_host_channel(std::unique_ptr<Communicator> communicator) {
  return std::make_unique<CommunicatorChannel>(std::move(communicator));
}

}  // namespace pathline::parallel
