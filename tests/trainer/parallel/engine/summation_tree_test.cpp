#include "trainer/parallel/engine/summation_tree.h"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace pathline::parallel {
namespace {

TEST(SummationTree, LeavesARankWithFewNodes) {
  EXPECT_EQ(remaining_nodes({0, 8}), (std::vector<TreeNode>{{3, 0}}));
  EXPECT_EQ(remaining_nodes({4, 8}), (std::vector<TreeNode>{{2, 1}}));
  EXPECT_EQ(remaining_nodes({3, 6}), (std::vector<TreeNode>{{0, 3}, {1, 2}}));
  EXPECT_EQ(remaining_nodes({1, 8}), (std::vector<TreeNode>{{0, 1}, {1, 1}, {2, 1}}));
  EXPECT_TRUE(remaining_nodes({5, 5}).empty());
}

TEST(SummationTree, RefusesASetOfNodesWithAHole) {
  std::vector<float> a(1), b(1);

  EXPECT_THROW(merge_nodes({{0, 1}, {0, 2}}, {a, b}), std::logic_error);
}

}  // namespace
}  // namespace pathline::parallel
