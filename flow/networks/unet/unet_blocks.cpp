#include "flow/networks/unet/unet_blocks.h"

#include <cmath>

#include <ATen/ATen.h>

#include "flow/autocast.h"

namespace pathline::flow {

namespace {

at::Tensor upsample_twice(const at::Tensor& x) {
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

at::Tensor resample(const at::Tensor& x, Resampling resampling) {
  switch (resampling) {
    case Resampling::down:
      return at::avg_pool2d(x, {2, 2});
    case Resampling::up:
      return upsample_twice(x);
    case Resampling::none:
      break;
  }
  return x;
}

NormResult norm_silu(const at::Tensor& a, const at::Tensor& b, const GroupNorm& norm,
                     const NormModulation& modulation = {}, Activation activation = Activation::silu) {
  return group_norm_silu(a, b, norm.weight, norm.bias, GroupNorm::groups, modulation, activation);
}

/// softmax(q k^T / sqrt(width)) v over the last two dimensions; q, k, v [batch, head, position, width], contiguous.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto batch = q.size(0), heads = q.size(1), positions = q.size(2), width = q.size(3);
  // LibTorch's CPU kernel recomputes the weights in its backward pass. For few positions, keeping them and using plain
  // matrix products takes a third (196 positions) or a tenth (49) of the time in bfloat16 and about half in float32 at
  // 49; in float32 at 196 it is slightly slower and needs more memory (docs/benchmarks-network.md).
  const std::int64_t few_positions = q.scalar_type() == at::kBFloat16 ? 256 : 64;
  if (!q.device().is_cpu() || positions > few_positions) return at::scaled_dot_product_attention(q, k, v);
  const auto flat = [&](const at::Tensor& x) { return x.view({batch * heads, positions, width}); };
  const at::Tensor scores = at::bmm(flat(q) * (1 / std::sqrt(static_cast<double>(width))), flat(k).transpose(1, 2));
  return at::bmm(at::softmax(scores, -1), flat(v)).view({batch, heads, positions, width});
}

}  // namespace

Downsample::Downsample(std::int64_t channels, bool learned) {
  if (learned) op_ = register_module("op", std::make_shared<Conv2d>(channels, channels, 3, 2));
}

at::Tensor Downsample::forward(const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
  return op_ ? op_->forward(x) : resample(x, Resampling::down);
}

Upsample::Upsample(std::int64_t channels, bool learned) {
  if (learned) conv_ = register_module("conv", std::make_shared<Conv2d>(channels, channels, 3));
}

at::Tensor Upsample::forward(const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
  const at::Tensor larger = upsample_twice(x);
  return conv_ ? conv_->forward(larger) : larger;
}

ResBlock::ResBlock(const ResBlockSettings& settings) : settings_(settings) {
  // The children's numbers are the positions in torch's Sequential: norm, SiLU, (dropout,) convolution.
  const auto in_layers = register_module("in_layers", std::make_shared<ModuleGroup>());
  in_norm_ = in_layers->place(0, std::make_shared<GroupNorm>(settings.in));
  in_conv_ = in_layers->place(2, std::make_shared<Conv2d>(settings.in, settings.out, 3));
  const auto emb_layers = register_module("emb_layers", std::make_shared<ModuleGroup>());
  condition_ = emb_layers->place(
      1, std::make_shared<Linear>(settings.embedding, settings.scale_shift_norm ? 2 * settings.out : settings.out));
  const auto out_layers = register_module("out_layers", std::make_shared<ModuleGroup>());
  out_norm_ = out_layers->place(0, std::make_shared<GroupNorm>(settings.out));
  out_conv_ =
      out_layers->place(3, std::make_shared<Conv2d>(settings.out, settings.out, 3, 1, WeightedLayer::Initial::zero));
  if (settings.in != settings.out) {
    skip_ = register_module("skip_connection", std::make_shared<Conv2d>(settings.in, settings.out, 1));
  }
}

NormModulation ResBlock::modulation(const at::Tensor& embedding) const {
  const Float32Scope float32;
  const at::Tensor condition = condition_->forward(embedding);
  if (!settings_.scale_shift_norm) return {.pre_add = condition, .scale = {}, .shift = {}};
  const auto halves = condition.chunk(2, 1);
  return {.pre_add = {}, .scale = halves[0], .shift = halves[1]};
}

at::Tensor ResBlock::forward(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& embedding) {
  const auto [first, input] = norm_silu(x, skip, *in_norm_);
  at::Tensor h = in_conv_->forward(resample(first, settings_.resampling));
  h = norm_silu(h, {}, *out_norm_, modulation(embedding)).y;
  if (settings_.dropout > 0) h = at::dropout(h, settings_.dropout, is_training());
  const at::Tensor residual = resample(input, settings_.resampling);
  // In place: no backward formula needs the convolution's own output.
  return out_conv_->forward(h).add_(skip_ ? skip_->forward(residual) : residual);
}

AttentionBlock::AttentionBlock(std::int64_t channels, std::int64_t heads, bool heads_outermost)
    : heads_(heads), heads_outermost_(heads_outermost) {
  norm_ = register_module("norm", std::make_shared<GroupNorm>(channels));
  qkv_ = register_module("qkv", std::make_shared<PointwiseConv1d>(channels, 3 * channels));
  proj_out_ =
      register_module("proj_out", std::make_shared<PointwiseConv1d>(channels, channels, WeightedLayer::Initial::zero));
}

at::Tensor AttentionBlock::forward(const at::Tensor& x, const at::Tensor&, const at::Tensor&) {
  const auto batch = x.size(0), channels = x.size(1), positions = x.size(2) * x.size(3), width = channels / heads_;
  const auto [normed, input] = norm_silu(x, {}, *norm_, {}, Activation::none);
  const at::Tensor tokens = normed.permute({0, 2, 3, 1}).reshape({batch, positions, channels});
  const at::Tensor mixed = qkv_->forward(tokens);
  // [3, batch, head, position, width], contiguous: both ways of attending are slow on strided views.
  const at::Tensor split =
      (heads_outermost_ ? mixed.view({batch, positions, heads_, 3, width}).permute({3, 0, 2, 1, 4})
                        : mixed.view({batch, positions, 3, heads_, width}).permute({2, 0, 3, 1, 4}))
          .contiguous();
  const auto parts = split.unbind(0);
  const at::Tensor joined = attend(parts[0], parts[1], parts[2]).transpose(1, 2).reshape({batch, positions, channels});
  const at::Tensor out = proj_out_->forward(joined).view({batch, x.size(2), x.size(3), channels}).permute({0, 3, 1, 2});
  return input + out;
}

}  // namespace pathline::flow
