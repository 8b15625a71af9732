#pragma once
// The options of the ADM UNet: its configuration keys and its members in a checkpoint's state.json. Thread-safety:
// plain value.

#include <cstdint>
#include <memory>
#include <vector>

#include "flow/networks/network_settings.h"

namespace pathline::flow {

struct UNetSettings final : NetworkOptionsOf<UNetSettings> {
  static constexpr std::int64_t kNormalisationGroups = 32;  ///< they divide the channels of each level

  std::int64_t channels = 32;
  std::vector<std::int64_t> channel_mult = {1, 2, 2};
  std::int64_t res_blocks = 1;
  std::vector<std::int64_t> attention = {14};
  std::int64_t heads = 4, head_channels = 32;
  double dropout = 0.0;
  bool scale_shift_norm = false, resblock_updown = false, conv_resample = true, new_attention_order = false;

  void fields(FieldVisitor& f) override;
  /// A UNet works on pictures whose sides can be halved at each level, and takes a label, any number of vectors, and
  /// tensors [C, H, W] of the picture's height and width.
  void check(const NetworkSettings& settings) const override;
  std::shared_ptr<VelocityNetwork> make(const NetworkSettings& settings) const override;

  /// Attention heads on a level of `channels` channels. REQUIRES that check() passed.
  std::int64_t heads_for(std::int64_t channels) const { return head_channels == -1 ? heads : channels / head_channels; }
};

/// Settings of a UNet, for those who make one without a configuration.
NetworkSettings unet_settings(const UNetSettings& options, SampleShape shape, ConditionSpec condition = {});

}  // namespace pathline::flow
