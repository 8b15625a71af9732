#pragma once
// The building blocks of the ADM UNet (Dhariwal and Nichol, "Diffusion Models Beat GANs on Image Synthesis", 2021):
// residual block, self-attention, down- and upsampling. Parameter names are those of guided-diffusion and torchcfm.
//
// Activations are [B, C, H, W] in channels_last throughout, float32 or, under autocast, bfloat16.

#include <cstdint>
#include <memory>

#include <torch/nn/module.h>

#include "flow/networks/layers/group_norm_silu.h"
#include "flow/networks/layers/layers.h"

namespace pathline::flow {

/// One step of a UNet level: takes the activation and the conditioning vector.
class UNetStep : public torch::nn::Module {
 public:
  /// x [B, C, H, W]; skip [B, C', H, W]: a decoder block's second input, to be appended to x's channels, or undefined
  /// (only ResBlock takes one); embedding [B, E] float32: SiLU of the time (and label) embedding, shared by all blocks.
  virtual at::Tensor forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding) = 0;
};

enum class Resampling { none, down, up };

/// Halves the resolution: convolution of stride 2, or 2x2 mean.
class Downsample final : public UNetStep {
 public:
  Downsample(std::int64_t channels, bool learned);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding) override;

 private:
  std::shared_ptr<Conv2d> op_;  // null when not learned
};

/// Doubles the resolution by repetition, then convolves if learned.
class Upsample final : public UNetStep {
 public:
  Upsample(std::int64_t channels, bool learned);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding) override;

 private:
  std::shared_ptr<Conv2d> conv_;  // null when not learned
};

struct ResBlockSettings {
  std::int64_t in = 0, out = 0;  ///< channels; `in` counts those of the skip input, too
  std::int64_t embedding = 0;    ///< width of the conditioning vector
  double dropout = 0;
  bool scale_shift_norm = false;  ///< condition by scale and shift after the second norm instead of adding before it
  Resampling resampling = Resampling::none;
};

/// x -> skip(x) + conv(drop(silu(norm(conv(silu(norm(x))) + condition)))).
/// Dropout masks come from torch's default generator of the device, and only in training mode: seed it per micro-batch
/// to repeat them.
class ResBlock final : public UNetStep {
 public:
  explicit ResBlock(const ResBlockSettings& settings);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding) override;

 private:
  NormModulation modulation(const at::Tensor& embedding) const;

  ResBlockSettings settings_;
  std::shared_ptr<GroupNorm> in_norm_, out_norm_;
  std::shared_ptr<Conv2d> in_conv_, out_conv_, skip_;  // skip_ is null when the channel count does not change
  std::shared_ptr<Linear> condition_;
};

/// Multi-head self-attention over the H * W positions, with a residual connection.
class AttentionBlock final : public UNetStep {
 public:
  /// `heads_outermost`: the 3C outputs of `qkv` are ordered [head][q, k, v][channel] (torchcfm's default); otherwise
  /// [q, k, v][head][channel] ("new attention order"). REQUIRES: channels divisible by heads.
  AttentionBlock(std::int64_t channels, std::int64_t heads, bool heads_outermost);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding) override;

 private:
  std::int64_t heads_;
  bool heads_outermost_;
  std::shared_ptr<GroupNorm> norm_;
  std::shared_ptr<PointwiseConv1d> qkv_, proj_out_;
};

}  // namespace pathline::flow
