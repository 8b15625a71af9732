#pragma once
// Checkpoints made by hand, for the tests of those who write and read them.

#include <cstdint>

#include <torch/torch.h>

#include "flow/networks/unet/unet_settings.h"
#include "trainer/checkpoint/checkpoint.h"

namespace pathline::test {

inline flow::UNetSettings tiny_unet() {
  flow::UNetSettings options;
  options.channels = 32;
  options.channel_mult = {1, 1};
  options.attention = {};
  options.head_channels = 32;
  return options;
}

inline flow::NetworkSettings tiny_network() {
  return flow::unet_settings(tiny_unet(), SampleShape::picture(1, 8, 8));
}

inline CheckpointContents contents_at(std::uint64_t step) {
  CheckpointContents contents;
  contents.state = {step, step * 8 + 8, 41, static_cast<double>(step) * 8};
  contents.model.network = tiny_network();
  contents.model.class_names = {"shoe", "bag"};
  contents.model.mean = {127.5};
  contents.model.scale = {64.25};
  contents.model.data_hash = "abc";
  contents.config_ini = "[train]\nseed = 41\n";
  contents.weights = flow::named_state(*flow::make_network(tiny_network(), 1));
  contents.ema = flow::named_state(*flow::make_network(tiny_network(), 2));
  contents.optimizer = {{"exp_avg.a", torch::ones({2, 3})}};
  return contents;
}

}  // namespace pathline::test
