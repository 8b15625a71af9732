#pragma once
// The ADM UNet as a velocity network, with the architecture and parameter names of torchcfm's UNetModel (and of
// guided-diffusion's), so that their state dicts load key for key and give the same output.
//
// Beyond torchcfm: a label that may lack has one more row in label_emb, "no label" (classifier-free guidance); vectors
// among the conditions are added to the embedding by a linear map each (condition_emb.NAME), tensors [C, H, W] join x
// as further channels. Where there are none, nothing differs.
// Precision: activations follow autocast; time embedding, normalisation statistics and the last convolution stay in
// float32, so that bfloat16 rounds neither t (8 bits would merge neighbouring times) nor the velocity itself.
// Thread-safety: forward() only reads parameters; concurrent calls are safe when gradients are off.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flow/networks/network.h"
#include "flow/networks/unet/unet_blocks.h"
#include "flow/networks/unet/unet_settings.h"

namespace pathline::flow {

class UNet final : public VelocityNetwork {
 public:
  /// REQUIRES that check_network(settings) passed. Weights are left as zeros; make_network() initialises them.
  explicit UNet(const NetworkSettings& settings);

  /// See VelocityNetwork::forward. The result is contiguous (NCHW).
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) override;

  /// Sinusoidal embedding of t: [cos(t f_0), …, sin(t f_0), …], f_i = 10000^(-i / (width / 2)); t is not rescaled.
  /// t [B] float32 -> [B, width] float32; an odd width ends in a zero.
  static at::Tensor embed_time(const at::Tensor& t, std::int64_t width);

 private:
  using Steps = std::vector<std::shared_ptr<UNetStep>>;

  at::Tensor embed(const at::Tensor& t, const Condition& condition) const;
  at::Tensor joined(const at::Tensor& x, const Condition& condition) const;
  std::shared_ptr<UNetStep> res_block(std::int64_t in, std::int64_t out, Resampling resampling) const;
  std::shared_ptr<UNetStep> attention(std::int64_t channels) const;
  bool attends_at(std::size_t level) const;
  void build_embeddings();
  /// The channels of each activation that the decoder takes up again, in order.
  std::vector<std::int64_t> build_encoder();
  void build_middle(std::int64_t channels);
  void build_decoder(std::vector<std::int64_t> skip_channels);

  const UNetSettings options_;
  std::shared_ptr<Linear> time_in_, time_out_;
  std::shared_ptr<Embedding> label_emb_;
  std::map<std::string, std::shared_ptr<Linear>> vector_emb_;  // by the condition's name
  std::shared_ptr<Conv2d> first_, last_;
  std::vector<Steps> input_, output_;  // one entry per numbered block; input_[0] is first_
  Steps middle_;
  std::shared_ptr<GroupNorm> last_norm_;
};

}  // namespace pathline::flow
