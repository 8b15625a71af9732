#include "flow/networks/network.h"

#include <fmt/format.h>

#include "core/error.h"
#include "flow/networks/unet/unet.h"

namespace pathline::flow {

SampleShape VelocityNetwork::sample_shape() const {
  return SampleShape::picture(settings_.image_channels, settings_.image_height, settings_.image_width);
}

ConditionSpec VelocityNetwork::condition_spec() const {
  if (settings_.classes == 0) return {};
  ConditionField label;
  label.classes = settings_.classes;
  label.has_null = settings_.null_class;
  return {label};
}

std::shared_ptr<VelocityNetwork> make_network(const NetworkSettings& settings, std::uint64_t seed) {
  if (settings.kind != "unet") {
    throw Error(ExitCode::usage, fmt::format("unknown kind of network '{}'", settings.kind), "network.kind",
                "known kinds: unet");
  }
  auto network = std::make_shared<UNet>(settings);
  initialise_weights(*network, seed);
  return network;
}

std::vector<std::pair<std::string, at::Tensor>> named_state(const torch::nn::Module& network) {
  std::vector<std::pair<std::string, at::Tensor>> state;
  for (const auto& item : network.named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto& item : network.named_buffers()) state.emplace_back(item.key(), item.value());
  return state;
}

}  // namespace pathline::flow
