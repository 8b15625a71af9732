#pragma once
// A fixed binary tree over micro-batches 0 … M−1, so that their gradients are always added in the same order, whoever
// holds which.
//
// Node (level, index) covers the micro-batches [index · 2^level, (index + 1) · 2^level) below M. Its sum is its left
// child's plus its right child's, or the left child's alone where the right one would start at M or beyond. The root's
// sum is the result: it depends on M only. A rank that holds a contiguous run of micro-batches merges what it can by
// itself (as a binary counter carries) and is left with at most 2 · log2(M) nodes. Thread-safety: one object, one
// thread.

#include <cstdint>
#include <span>
#include <vector>

namespace pathline::parallel {

struct TreeNode {
  unsigned level = 0;
  std::uint64_t index = 0;
  bool operator==(const TreeNode&) const = default;
};

/// A contiguous run of micro-batches, [first, last).
struct MicroRange {
  std::uint64_t first = 0, last = 0;
};

/// The nodes that a rank holding `range` is left with, from left to right.
std::vector<TreeNode> remaining_nodes(MicroRange range);

/// One rank's sums.
class PartialSums {
 public:
  /// `values`: floats per gradient.
  explicit PartialSums(std::size_t values) : values_(values) {}

  /// Takes the gradient of micro-batch `micro` (copied). REQUIRES: one after the other, without gaps, since clear().
  void add(std::uint64_t micro, std::span<const float> gradient);
  /// What is left, as remaining_nodes() of what was added.
  const std::vector<TreeNode>& nodes() const noexcept { return nodes_; }
  std::span<const float> sum(std::size_t node) const { return buffers_[node]; }
  std::span<float> mutable_sum(std::size_t node) { return buffers_[node]; }
  void clear();

 private:
  std::size_t values_;
  std::vector<TreeNode> nodes_;
  std::vector<std::vector<float>> buffers_;  // one per node, then spare ones that keep their memory
};

/// Merges a whole tree: `nodes` (of all ranks, left to right, covering [0, micro_batches)) with their sums, which are
/// overwritten; the result ends up in sums[0].
void merge_nodes(std::vector<TreeNode> nodes, std::vector<std::span<float>> sums);

}  // namespace pathline::parallel
