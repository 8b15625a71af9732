#include "trainer/parallel/engine/summation_tree.h"

#include <algorithm>
#include <stdexcept>

#include "trainer/parallel/engine/add_floats.h"

namespace pathline::parallel {
namespace {

/// True when the last two nodes are the two children of one parent.
bool has_siblings_at_the_end(const std::vector<TreeNode>& nodes) {
  if (nodes.size() < 2) return false;
  const TreeNode& left = nodes[nodes.size() - 2];
  const TreeNode& right = nodes.back();
  return left.level == right.level && left.index % 2 == 0 && right.index == left.index + 1;
}

}  // namespace

std::vector<TreeNode> remaining_nodes(MicroRange range) {
  std::vector<TreeNode> nodes;
  for (std::uint64_t micro = range.first; micro < range.last; ++micro) {
    nodes.push_back({0, micro});
    while (has_siblings_at_the_end(nodes)) {
      nodes.pop_back();
      nodes.back() = {nodes.back().level + 1, nodes.back().index / 2};
    }
  }
  return nodes;
}

void PartialSums::add(std::uint64_t micro, std::span<const float> gradient) {
  if (gradient.size() != values_) throw std::logic_error("a gradient of another size");
  nodes_.push_back({0, micro});
  if (buffers_.size() < nodes_.size()) buffers_.emplace_back(values_);
  std::copy(gradient.begin(), gradient.end(), buffers_[nodes_.size() - 1].begin());
  while (has_siblings_at_the_end(nodes_)) {
    add_floats(buffers_[nodes_.size() - 2], buffers_[nodes_.size() - 1]);
    nodes_.pop_back();
    nodes_.back() = {nodes_.back().level + 1, nodes_.back().index / 2};
  }
}

void PartialSums::clear() {
  nodes_.clear();
}

void merge_nodes(std::vector<TreeNode> nodes, std::vector<std::span<float>> sums) {
  if (nodes.empty() || nodes.size() != sums.size()) throw std::logic_error("nothing to merge");
  // Level by level: what is lower than its neighbour merges first. A left child without a sibling moves up as it is.
  for (unsigned level = 0; nodes.size() > 1; ++level) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      TreeNode node = nodes[i];
      const std::span<float> sum = sums[i];
      if (node.level == level) {
        if (node.index % 2 != 0) throw std::logic_error("a node of the summation tree lacks its left sibling");
        const bool has_right =
            i + 1 < nodes.size() && nodes[i + 1].level == level && nodes[i + 1].index == node.index + 1;
        if (has_right) {
          add_floats(sum, sums[i + 1]);
          ++i;
        }
        node = {level + 1, node.index / 2};
      }
      nodes[kept] = node;
      sums[kept] = sum;
      ++kept;
    }
    nodes.resize(kept);
    sums.resize(kept);
  }
}

}  // namespace pathline::parallel
