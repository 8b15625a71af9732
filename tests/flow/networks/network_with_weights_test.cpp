#include "flow/networks/network_with_weights.h"

#include <string>

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/networks/layers/parameter_budget.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;

NetworkSettings small() {
  NetworkSettings s;
  s.image_height = s.image_width = 8;
  s.channels = 32;
  s.channel_mult = {1, 2};
  s.attention = {4};
  s.head_channels = 16;
  s.classes = 3;
  return s;
}

TEST(NetworkWithWeights, HoldsTheWeightsGiven) {
  const auto weights = named_state(*make_network(small(), 7));

  const auto state = named_state(*network_with_weights(small(), weights, "file"));

  ASSERT_EQ(state.size(), weights.size());
  for (std::size_t i = 0; i < state.size(); ++i)
    EXPECT_TRUE(at::equal(state[i].second, weights[i].second)) << state[i].first;
}

TEST(NetworkWithWeights, EndsAtTheFirstLayerTooMany) {
  const auto weights = named_state(*make_network(small(), 7));
  NetworkSettings deep = small();
  deep.res_blocks = 1000000000;

  const Error error = error_of([&] { network_with_weights(deep, weights, "file"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_EQ(error.place(), "file");
  EXPECT_TRUE(contains(error.message(), "in " + std::to_string(weights.size()) + " tensors"));
}

TEST(NetworkWithWeights, NamesWhatAnEquallyLargeNetworkLacks) {
  auto weights = named_state(*make_network(small(), 7));
  weights[0].first = "other";

  const Error error = error_of([&] { network_with_weights(small(), weights, "file"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "1 unexpected: other"));
}

TEST(ParameterBudget, CountsTensorsAndValues) {
  const ParameterBudget budget(2, 10, "file");

  ParameterBudget::charge(7);
  EXPECT_EQ(error_of([] { ParameterBudget::charge(4); }).code(), ExitCode::bad_input);
  ParameterBudget::charge(3);
  EXPECT_EQ(error_of([] { ParameterBudget::charge(0); }).code(), ExitCode::bad_input);
}

TEST(ParameterBudget, IsNoLimitWhereThereIsNone) {
  { const ParameterBudget budget(0, 0, "file"); }

  EXPECT_NO_THROW(ParameterBudget::charge(1000));
}

}  // namespace
}  // namespace pathline::flow
