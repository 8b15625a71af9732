#pragma once
// What the trainer and the sampler know of a velocity network: v(x, t, condition). Each kind lives in a folder of its
// own and is named in registry.cpp. Thread-safety: forward() only reads parameters; concurrent calls are safe when
// gradients are off.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>

#include "flow/condition.h"
#include "flow/networks/network_settings.h"

namespace pathline::flow {

class VelocityNetwork : public torch::nn::Module {
 public:
  /// x [B, …] float32 (any memory format), t [B] float32 in [0, 1], and one condition value per field of
  /// condition_spec(). Returns v, shaped as x, float32.
  virtual at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) = 0;
  const NetworkSettings& settings() const noexcept { return settings_; }
  const SampleShape& sample_shape() const noexcept { return settings_.shape; }
  const ConditionSpec& condition_spec() const noexcept { return settings_.condition; }

 protected:
  explicit VelocityNetwork(NetworkSettings settings) : settings_(std::move(settings)) {}

 private:
  NetworkSettings settings_;
};

/// Builds the network with weights that are a pure function of (settings, seed). Throws Error(usage) as
/// check_network().
std::shared_ptr<VelocityNetwork> make_network(const NetworkSettings& settings, std::uint64_t seed);

/// A network whose tensors have names, shapes and dtypes, but no memory (device "meta"): what make_network() would
/// build, told in no time whatever its size. Throws Error(usage) as check_network().
std::shared_ptr<VelocityNetwork> outline_network(const NetworkSettings& settings);
/// Numbers in the parameters of that network, which is not built.
std::int64_t parameter_count(const NetworkSettings& settings);

/// Parameters and buffers by their usual (torchcfm / guided-diffusion) names, in registration order.
std::vector<std::pair<std::string, at::Tensor>> named_state(const torch::nn::Module& network);

}  // namespace pathline::flow
