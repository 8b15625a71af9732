#include "trainer/parallel/reduction.h"

#include <algorithm>

#include "core/error.h"

namespace pathline::parallel {
namespace {

class FastReduction final : public GradientReduction {
 public:
  FastReduction(Communicator& communicator, std::span<float> gradients)
      : communicator_(communicator), gradients_(gradients) {}
  void micro_batch_done(std::uint64_t) override {}
  void finish() override {
    if (communicator_.size() > 1) communicator_.all_reduce_sum(gradients_);
  }
  void discard() override {}

 private:
  Communicator& communicator_;
  std::span<float> gradients_;
};

/// Rank r owns slice r of the buffer: it receives that slice of every node of every rank, merges them in the tree's
/// order and hands the result to all. Each value is added in one place, in one order.
class ReproducibleReduction final : public GradientReduction {
 public:
  ReproducibleReduction(Communicator& communicator, std::span<float> gradients, std::vector<MicroRange> ranges)
      : communicator_(communicator), gradients_(gradients), partial_(gradients.size()) {
    for (const MicroRange& range : ranges) {
      const std::vector<TreeNode> nodes = remaining_nodes(range);
      nodes_per_rank_.push_back(nodes.size());
      all_nodes_.insert(all_nodes_.end(), nodes.begin(), nodes.end());
    }
  }

  void micro_batch_done(std::uint64_t micro) override {
    partial_.add(micro, gradients_);
    std::fill(gradients_.begin(), gradients_.end(), 0.0F);
  }

  void finish() override {
    const auto ranks = static_cast<std::size_t>(communicator_.size());
    const auto self = static_cast<std::size_t>(communicator_.rank());
    const std::size_t own_nodes = partial_.nodes().size();

    outgoing_.resize(own_nodes * gradients_.size());
    std::vector<std::span<const std::byte>> to_each;
    std::size_t at = 0;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const std::size_t start = at;
      for (std::size_t node = 0; node < own_nodes; ++node) {
        const auto slice = partial_.sum(node).subspan(slice_start(rank), slice_size(rank));
        std::copy(slice.begin(), slice.end(), outgoing_.begin() + static_cast<std::ptrdiff_t>(at));
        at += slice.size();
      }
      to_each.push_back(std::as_bytes(std::span<const float>(outgoing_).subspan(start, at - start)));
    }

    const std::size_t mine = slice_size(self);
    incoming_.resize(all_nodes_.size() * mine);
    std::vector<std::span<std::byte>> from_each;
    std::vector<std::span<float>> sums;
    at = 0;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const std::size_t count = nodes_per_rank_[rank] * mine;
      from_each.push_back(std::as_writable_bytes(std::span<float>(incoming_).subspan(at, count)));
      at += count;
    }
    for (std::size_t node = 0; node < all_nodes_.size(); ++node)
      sums.emplace_back(incoming_.data() + node * mine, mine);
    communicator_.all_to_all(to_each, from_each);
    merge_nodes(all_nodes_, sums);

    const std::vector<std::span<const std::byte>> result(ranks, std::as_bytes(sums.front()));
    std::vector<std::span<std::byte>> slices;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      slices.push_back(std::as_writable_bytes(gradients_.subspan(slice_start(rank), slice_size(rank))));
    }
    communicator_.all_to_all(result, slices);
    partial_.clear();
  }

  void discard() override { partial_.clear(); }

 private:
  std::size_t slice_start(std::size_t rank) const {
    return gradients_.size() * rank / static_cast<std::size_t>(communicator_.size());
  }
  std::size_t slice_size(std::size_t rank) const { return slice_start(rank + 1) - slice_start(rank); }

  Communicator& communicator_;
  std::span<float> gradients_;
  PartialSums partial_;
  std::vector<TreeNode> all_nodes_;  // of rank 0, then rank 1, …: left to right
  std::vector<std::size_t> nodes_per_rank_;
  std::vector<float> outgoing_, incoming_;
};

}  // namespace

std::unique_ptr<GradientReduction> make_reduction(const std::string& kind, Communicator& communicator,
                                                  std::span<float> gradients, std::vector<MicroRange> ranges) {
  if (kind == "fast") return std::make_unique<FastReduction>(communicator, gradients);
  if (kind == "reproducible") {
    return std::make_unique<ReproducibleReduction>(communicator, gradients, std::move(ranges));
  }
  throw Error(ExitCode::usage, "unknown reduction '" + kind + "'", "parallel.reduction", "one of fast, reproducible");
}

}  // namespace pathline::parallel
