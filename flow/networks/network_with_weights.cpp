#include "flow/networks/network_with_weights.h"

namespace pathline::flow {

std::shared_ptr<VelocityNetwork> network_with_weights(const NetworkSettings& settings, const NamedTensors& weights,
                                                      const std::string& place) {
  require_fit(weights, named_state(*outline_network(settings)), place);
  auto network = make_network(settings, /*seed=*/0);
  copy_tensors(weights, named_state(*network), place);
  return network;
}

}  // namespace pathline::flow
