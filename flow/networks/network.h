#pragma once
// What the trainer and the sampler know of a velocity network: v(x, t, condition). Architectures live in
// flow/networks/. Thread-safety: forward() only reads parameters; concurrent calls are safe when gradients are off.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "core/condition_spec.h"
#include "core/sample_shape.h"
#include "flow/condition.h"

namespace pathline::flow {

/// Everything that fixes a network's parameters; stored with each checkpoint.
struct NetworkSettings {
  std::string kind = "unet";
  std::int64_t image_channels = 1, image_height = 28, image_width = 28;  ///< from the data
  std::int64_t channels = 32;                                            ///< width of the first level
  std::vector<std::int64_t> channel_mult = {1, 2, 2};  ///< width factor per level; each level halves the resolution
  std::int64_t res_blocks = 1;                         ///< residual blocks per level
  std::vector<std::int64_t> attention = {14};          ///< resolutions (pixels of image height) with self-attention
  std::int64_t heads = 4;                              ///< attention heads, unless head_channels > 0
  std::int64_t head_channels = 32;                     ///< channels per head; -1: use `heads`
  std::int64_t classes = 0;                            ///< 0: unconditional
  bool null_class = false;  ///< one more embedding row: "no label", for classifier-free guidance
  double dropout = 0.0;
  bool scale_shift_norm = false;     ///< FiLM-like conditioning
  bool resblock_updown = false;      ///< residual blocks for up/downsampling
  bool conv_resample = true;         ///< learned up/downsampling convolutions
  bool new_attention_order = false;  ///< split q, k, v before heads
};

class VelocityNetwork : public torch::nn::Module {
 public:
  /// x [B, …] float32 (any memory format), t [B] float32 in [0, 1], and one condition value per field of
  /// condition_spec(). Returns v, shaped as x, float32.
  virtual at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) = 0;
  const NetworkSettings& settings() const noexcept { return settings_; }
  SampleShape sample_shape() const;
  ConditionSpec condition_spec() const;

 protected:
  explicit VelocityNetwork(NetworkSettings settings) : settings_(std::move(settings)) {}

 private:
  NetworkSettings settings_;
};

/// Builds the network with weights that are a pure function of (settings, seed). Throws Error(usage) for settings that
/// do not fit together.
std::shared_ptr<VelocityNetwork> make_network(const NetworkSettings& settings, std::uint64_t seed);

/// Parameters and buffers by their usual (torchcfm / guided-diffusion) names, in registration order.
std::vector<std::pair<std::string, at::Tensor>> named_state(const torch::nn::Module& network);

}  // namespace pathline::flow
