#include "flow/networks/network_with_weights.h"

#include "flow/networks/layers/parameter_budget.h"

namespace pathline::flow {

std::shared_ptr<VelocityNetwork> network_with_weights(const NetworkSettings& settings, const NamedTensors& weights,
                                                      const std::string& place) {
  std::uint64_t values = 0;
  for (const auto& [name, tensor] : weights) values += static_cast<std::uint64_t>(tensor.numel());
  std::shared_ptr<VelocityNetwork> network;
  {
    const ParameterBudget budget(weights.size(), values, place);
    network = make_network(settings, /*seed=*/0);
  }
  copy_tensors(weights, named_state(*network), place);
  return network;
}

}  // namespace pathline::flow
