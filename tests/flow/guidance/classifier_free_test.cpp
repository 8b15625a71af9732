#include "flow/guidance/classifier_free.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

const Condition given(at::tensor({1, 2}, at::kLong)), null(at::tensor({9, 9}, at::kLong));

/// The label of each sample as its velocity; counts.
struct Labels {
  int passes = 0;
  at::Tensor operator()(const Condition& condition) {
    ++passes;
    return condition.values.at(0).to(at::kFloat);
  }
};

TEST(ClassifierFreeGuidance, IsUnconditionalPlusScaledDifference) {
  Labels labels;

  const at::Tensor v = classifier_free(std::ref(labels), given, null, 1.5);

  EXPECT_TRUE(at::equal(v, at::tensor({9 + 1.5f * (1 - 9), 9 + 1.5f * (2 - 9)})));
  EXPECT_EQ(labels.passes, 2);
}

// The other form in the literature: (1 + w') c - w' u.
TEST(ClassifierFreeGuidance, IsTheOtherFormWithOneMore) {
  const at::Tensor c = at::randn({4, 3}), u = at::randn({4, 3});
  const auto pass = [&](const Condition& condition) { return &condition == &null ? u : c; };

  EXPECT_TRUE(at::allclose(classifier_free(pass, given, null, 1.2), 1.2 * c - 0.2 * u, 1e-5, 1e-6));
}

TEST(ClassifierFreeGuidance, OneAndZeroTakeASinglePass) {
  for (const auto& [w, expected] : {std::pair{1.0, at::tensor({1.0f, 2.0f})}, {0.0, at::tensor({9.0f, 9.0f})}}) {
    Labels labels;

    EXPECT_TRUE(at::equal(classifier_free(std::ref(labels), given, null, w), expected)) << w;
    EXPECT_EQ(labels.passes, 1) << w;
    EXPECT_EQ(classifier_free_passes(w), 1) << w;
  }
  EXPECT_EQ(classifier_free_passes(-1), 2);
}

TEST(ClassifierFreeGuidance, LeavesWhatThePassesGaveAlone) {
  const at::Tensor c = at::ones({2}), u = at::zeros({2});

  classifier_free([&](const Condition& condition) { return &condition == &null ? u : c; }, given, null, 3);

  EXPECT_TRUE(at::equal(c, at::ones({2})));
  EXPECT_TRUE(at::equal(u, at::zeros({2})));
}

}  // namespace
}  // namespace pathline::flow
