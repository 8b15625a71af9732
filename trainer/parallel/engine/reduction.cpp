#include "trainer/parallel/engine/reduction.h"

#include <algorithm>

#include "core/error.h"

namespace pathline::parallel {
namespace {

class FastReduction final : public BucketReduction {
 public:
  FastReduction(GradientChannel& channel, std::span<float> gradients, ReductionPlan plan)
      : channel_(channel), gradients_(gradients), plan_(std::move(plan)) {}

  void micro_batch_done(std::uint64_t) override {}

  void reduce(std::size_t bucket) override {
    const auto values = gradients_.subspan(plan_.buckets[bucket].offset, plan_.buckets[bucket].count);
    if (plan_.to_owners) {
      channel_.reduce_to_owners(bucket, values, plan_.slices[bucket], plan_.compression);
    } else {
      channel_.all_reduce_sum(bucket, values, plan_.compression);
    }
  }

 private:
  GradientChannel& channel_;
  std::span<float> gradients_;
  ReductionPlan plan_;
};

/// Rank r receives its slice of every node of every rank, merges them in the tree's order and hands the result to all.
/// Each value is added in one place, in one order.
class ReproducibleReduction final : public BucketReduction {
 public:
  ReproducibleReduction(HostChannel& channel, std::span<float> gradients, ReductionPlan plan,
                        const std::vector<MicroRange>& ranges)
      : channel_(channel),
        gradients_(gradients),
        plan_(std::move(plan)),
        range_(ranges.at(static_cast<std::size_t>(channel.rank()))) {
    for (const Slice& bucket : plan_.buckets) {
      partial_.emplace_back(bucket.count);
      next_.push_back(range_.first);
    }
    for (const MicroRange& range : ranges) {
      const std::vector<TreeNode> nodes = remaining_nodes(range);
      nodes_per_rank_.push_back(nodes.size());
      all_nodes_.insert(all_nodes_.end(), nodes.begin(), nodes.end());
    }
  }

  void micro_batch_done(std::uint64_t micro) override {
    for (std::size_t bucket = 0; bucket < partial_.size(); ++bucket) {
      partial_[bucket].add(micro, values_of(bucket));
      next_[bucket] = micro + 1;
    }
    std::fill(gradients_.begin(), gradients_.end(), 0.0F);
  }

  void reduce(std::size_t bucket) override {
    PartialSums& partial = partial_[bucket];
    const std::span<float> values = values_of(bucket);
    // Normally one, the last; more only in a step that was given up.
    for (; next_[bucket] < range_.last; ++next_[bucket]) partial.add(next_[bucket], values);
    if (channel_.size() == 1) {
      std::vector<std::span<float>> sums;
      for (std::size_t node = 0; node < partial.nodes().size(); ++node) sums.push_back(partial.mutable_sum(node));
      merge_nodes(partial.nodes(), sums);
      std::copy(sums.front().begin(), sums.front().end(), values.begin());
    } else {
      exchange(bucket, partial, values);
    }
    partial.clear();
    next_[bucket] = range_.first;
  }

 private:
  std::span<float> values_of(std::size_t bucket) const {
    return gradients_.subspan(plan_.buckets[bucket].offset, plan_.buckets[bucket].count);
  }

  void exchange(std::size_t bucket, const PartialSums& partial, std::span<float> values) {
    const std::vector<Slice>& slices = plan_.slices[bucket];
    const std::size_t own_nodes = partial.nodes().size();
    outgoing_.resize(own_nodes * values.size());
    std::vector<std::span<const std::byte>> to_each;
    std::size_t at = 0;
    for (const Slice& slice : slices) {
      const std::size_t start = at;
      for (std::size_t node = 0; node < own_nodes; ++node, at += slice.count) {
        const auto part = partial.sum(node).subspan(slice.offset, slice.count);
        std::copy(part.begin(), part.end(), outgoing_.begin() + static_cast<std::ptrdiff_t>(at));
      }
      to_each.push_back(std::as_bytes(std::span<const float>(outgoing_).subspan(start, at - start)));
    }

    const std::size_t mine = slices[static_cast<std::size_t>(channel_.rank())].count;
    incoming_.resize(all_nodes_.size() * mine);
    std::vector<std::span<std::byte>> from_each;
    at = 0;
    for (const std::size_t nodes : nodes_per_rank_) {
      from_each.push_back(std::as_writable_bytes(std::span<float>(incoming_).subspan(at, nodes * mine)));
      at += nodes * mine;
    }
    channel_.all_to_all(to_each, from_each);

    std::vector<std::span<float>> sums;
    for (std::size_t node = 0; node < all_nodes_.size(); ++node)
      sums.push_back(std::span<float>(incoming_).subspan(node * mine, mine));
    merge_nodes(all_nodes_, sums);
    const Slice own = slices[static_cast<std::size_t>(channel_.rank())];
    std::copy(sums.front().begin(), sums.front().end(), values.begin() + static_cast<std::ptrdiff_t>(own.offset));
    if (!plan_.to_owners) channel_.gather_from_owners(bucket, values, slices);
  }

  HostChannel& channel_;
  std::span<float> gradients_;
  ReductionPlan plan_;
  MicroRange range_;
  std::vector<PartialSums> partial_;  // per bucket
  std::vector<std::uint64_t> next_;   // per bucket: the micro-batch to be added next
  std::vector<TreeNode> all_nodes_;   // of rank 0, then rank 1, …: left to right
  std::vector<std::size_t> nodes_per_rank_;
  std::vector<float> outgoing_, incoming_;  // kept from bucket to bucket
};

}  // namespace

std::unique_ptr<BucketReduction> make_reduction(const std::string& kind, GradientChannel& channel,
                                                std::span<float> gradients, ReductionPlan plan,
                                                const std::vector<MicroRange>& ranges) {
  if (kind == "fast") return std::make_unique<FastReduction>(channel, gradients, std::move(plan));
  if (kind == "reproducible") {
    HostChannel* const host = channel.host();
    if (host == nullptr) {
      throw Error(ExitCode::usage, "sums in a fixed order are made in host memory, which " + channel.name() + " is not",
                  "parallel.reduction", "use parallel.reduction = fast, or parallel.backend = mpi");
    }
    if (plan.compression != Compression::none) {
      throw Error(ExitCode::usage, "reproducible sums are exchanged in fp32", "parallel.wire",
                  "use parallel.wire = fp32");
    }
    return std::make_unique<ReproducibleReduction>(*host, gradients, std::move(plan), ranges);
  }
  throw Error(ExitCode::usage, "unknown reduction '" + kind + "'", "parallel.reduction", "one of fast, reproducible");
}

}  // namespace pathline::parallel
