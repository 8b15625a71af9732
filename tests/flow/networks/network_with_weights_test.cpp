#include "flow/networks/network_with_weights.h"

#include <string>

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/networks/unet/unet_settings.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;

UNetSettings small_options() {
  UNetSettings options;
  options.channel_mult = {1, 2};
  options.attention = {4};
  options.head_channels = 16;
  return options;
}

NetworkSettings with(const UNetSettings& options) {
  return unet_settings(options, SampleShape::picture(1, 8, 8), label_condition(3));
}

NetworkSettings small() {
  return with(small_options());
}

TEST(NetworkWithWeights, HoldsTheWeightsGiven) {
  const auto weights = named_state(*make_network(small(), 7));

  const auto state = named_state(*network_with_weights(small(), weights, "file"));

  ASSERT_EQ(state.size(), weights.size());
  for (std::size_t i = 0; i < state.size(); ++i)
    EXPECT_TRUE(at::equal(state[i].second, weights[i].second)) << state[i].first;
}

TEST(NetworkWithWeights, NeverBuildsWhatTheWeightsDoNotFill) {
  const auto weights = named_state(*make_network(small(), 7));
  UNetSettings wide = small_options();
  wide.channels = 4096;
  wide.channel_mult = {64, 64};  // the first residual block alone: 5 TB

  const Error error = error_of([&] { network_with_weights(with(wide), weights, "file"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_EQ(error.place(), "file");
  EXPECT_TRUE(contains(error.message(), "of another shape"));
}

TEST(NetworkWithWeights, NamesWhatADeeperNetworkLacks) {
  const auto weights = named_state(*make_network(small(), 7));
  UNetSettings deep = small_options();
  deep.res_blocks = 64;  // as many as there may be

  const Error error = error_of([&] { network_with_weights(with(deep), weights, "file"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "missing"));
}

TEST(NetworkWithWeights, NamesWhatAnEquallyLargeNetworkLacks) {
  auto weights = named_state(*make_network(small(), 7));
  weights[0].first = "other";

  const Error error = error_of([&] { network_with_weights(small(), weights, "file"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "1 unexpected: other"));
}

}  // namespace
}  // namespace pathline::flow
