#include "flow/networks/network.h"

#include <ATen/ATen.h>

#include "flow/networks/layers/layers.h"

namespace pathline::flow {

std::shared_ptr<VelocityNetwork> make_network(const NetworkSettings& settings, std::uint64_t seed) {
  check_network(settings);
  auto network = settings.options->make(settings);
  initialise_weights(*network, seed);
  return network;
}

std::shared_ptr<VelocityNetwork> outline_network(const NetworkSettings& settings) {
  check_network(settings);
  const OutlineScope outline;
  return settings.options->make(settings);
}

std::int64_t parameter_count(const NetworkSettings& settings) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : outline_network(settings)->parameters()) count += parameter.numel();
  return count;
}

std::vector<std::pair<std::string, at::Tensor>> named_state(const torch::nn::Module& network) {
  std::vector<std::pair<std::string, at::Tensor>> state;
  for (const auto& item : network.named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto& item : network.named_buffers()) state.emplace_back(item.key(), item.value());
  return state;
}

}  // namespace pathline::flow
