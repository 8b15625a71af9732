#pragma once
// The ADM UNet as a velocity network, with the architecture and parameter names of torchcfm's UNetModel (and of
// guided-diffusion's), so that their state dicts load key for key and give the same output.
//
// Beyond torchcfm: `null_class` adds one row to label_emb for "no label" (classifier-free guidance).
// Precision: activations follow autocast; time embedding, normalisation statistics and the last convolution stay in
// float32, so that bfloat16 rounds neither t (8 bits would merge neighbouring times) nor the velocity itself.
// Thread-safety: forward() only reads parameters; concurrent calls are safe when gradients are off.

#include <memory>
#include <vector>

#include "flow/networks/network.h"
#include "flow/networks/unet/unet_blocks.h"

namespace pathline::flow {

class UNet final : public VelocityNetwork {
 public:
  /// Throws Error(usage), with the configuration key at fault, for settings that do not fit together. Weights are left
  /// as zeros; make_network() initialises them.
  explicit UNet(const NetworkSettings& settings);

  /// See VelocityNetwork::forward. The result is contiguous (NCHW).
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) override;

  /// Sinusoidal embedding of t: [cos(t f_0), …, sin(t f_0), …], f_i = 10000^(-i / (width / 2)); t is not rescaled.
  /// t [B] float32 -> [B, width] float32; an odd width ends in a zero.
  static at::Tensor embed_time(const at::Tensor& t, std::int64_t width);

 private:
  using Steps = std::vector<std::shared_ptr<UNetStep>>;

  at::Tensor embed(const at::Tensor& t, const Condition& condition) const;
  std::int64_t heads_for(std::int64_t channels) const;
  void build();

  std::shared_ptr<Linear> time_in_, time_out_;
  std::shared_ptr<Embedding> label_emb_;
  std::shared_ptr<Conv2d> first_, last_;
  std::vector<Steps> input_, output_;  // one entry per numbered block; input_[0] is first_
  Steps middle_;
  std::shared_ptr<GroupNorm> last_norm_;
};

}  // namespace pathline::flow
