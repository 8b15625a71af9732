#pragma once
// Networks from settings and weights that come from files. Thread-safety: no state.

#include <memory>
#include <string>

#include "core/torch/tensor_file.h"
#include "flow/networks/network.h"

namespace pathline::flow {

/// The network of these settings with these weights in it, on the CPU, in training mode. Throws Error(bad_input) at
/// `place` where names, shapes or kinds of number differ; an outline of the network tells before anything is built, so
/// that no more memory is taken than the weights take. Throws Error(usage) for settings that do not fit together.
std::shared_ptr<VelocityNetwork> network_with_weights(const NetworkSettings& settings, const NamedTensors& weights,
                                                      const std::string& place);

}  // namespace pathline::flow
