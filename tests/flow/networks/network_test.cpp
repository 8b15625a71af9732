#include "flow/networks/network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/networks/unet/unet_settings.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

NetworkSettings conditional() {
  UNetSettings options;
  options.attention = {4};
  return unet_settings(options, SampleShape::picture(1, 8, 8), label_condition(3, true));
}

TEST(MakeNetwork, KnowsItsSettings) {
  const auto network = make_network(conditional(), 1);

  EXPECT_EQ(network->settings(), conditional());
  EXPECT_EQ(network->sample_shape(), SampleShape::picture(1, 8, 8));
  EXPECT_EQ(network->condition_spec(), label_condition(3, true));
}

TEST(MakeNetwork, RefusesSettingsThatDoNotFitTogether) {
  NetworkSettings settings = conditional();
  settings.shape = SampleShape::vector(2);

  EXPECT_EQ(test::error_of([&] { make_network(settings, 1); }).place(), "network.kind");
  EXPECT_EQ(test::error_of([&] { outline_network(settings); }).place(), "network.kind");
  EXPECT_EQ(test::error_of([&] { parameter_count(settings); }).place(), "network.kind");
}

TEST(OutlineNetwork, HasTheNamesShapesAndTypesOfTheNetworkButNoMemory) {
  const auto outline = named_state(*outline_network(conditional()));
  const auto network = named_state(*make_network(conditional(), 1));

  ASSERT_EQ(outline.size(), network.size());
  std::int64_t parameters = 0;
  for (std::size_t i = 0; i < network.size(); ++i) {
    EXPECT_EQ(outline[i].first, network[i].first);
    EXPECT_EQ(outline[i].second.sizes(), network[i].second.sizes()) << network[i].first;
    EXPECT_EQ(outline[i].second.scalar_type(), network[i].second.scalar_type()) << network[i].first;
    EXPECT_TRUE(outline[i].second.is_meta()) << network[i].first;
    parameters += network[i].second.numel();
  }
  EXPECT_EQ(parameter_count(conditional()), parameters);
}

TEST(OutlineNetwork, LeavesThoseMadeLaterWithMemory) {
  outline_network(conditional());

  for (const auto& [name, tensor] : named_state(*make_network(conditional(), 1)))
    EXPECT_FALSE(tensor.is_meta()) << name;
}

TEST(ParameterCount, CountsWhatNoMachineCouldHold) {
  UNetSettings options;
  options.channels = 4096;
  options.channel_mult = {64, 64, 64};
  options.attention = {};
  options.res_blocks = 8;

  EXPECT_GT(parameter_count(unet_settings(options, SampleShape::picture(3, 64, 64))), std::int64_t{1} << 44);
}

}  // namespace
}  // namespace pathline::flow
