#pragma once
// Group normalisation followed by SiLU, with what surrounds it in a residual block folded in:
//
//   u = x + pre_add,   x = a or, along the channels, (a, b)
//   y = act( (gamma * (u - mean) / sqrt(var + eps) + beta) * (1 + scale) + shift )
//
// act is SiLU (z * sigmoid(z)) or the identity. mean and var are taken over one group of channels of one sample (Wu and
// He, "Group Normalization", 2018); eps is 1e-5.
//
// Why it exists: LibTorch's CPU group_norm is an order of magnitude slower for channels_last than for contiguous
// tensors, and each op around it would read and write the whole activation once more. On other devices and dtypes the
// same formula runs through ATen. Reproducibility: sums are taken in a fixed order, whatever the number of threads.
// Thread-safety: safe to call from several threads.

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pathline::flow {

/// Conditioning per sample and channel, each [B, C] or undefined (0); scale and shift only together.
struct NormModulation {
  at::Tensor pre_add;
  at::Tensor scale;
  at::Tensor shift;
};

enum class Activation { none, silu };

struct NormResult {
  at::Tensor y;
  /// x itself. Whoever else needs x should read this one: its gradient is then added inside the fused backward pass
  /// instead of by a pass of its own. Where b is undefined it shares a's memory: do not write to it.
  at::Tensor x;
};

/// a [B, Ca, H, W], b [B, Cb, H, W] or undefined; weight (gamma) and bias (beta) [Ca + Cb]. Both results are in a's
/// dtype and, on the CPU, in channels_last. Statistics are taken in float32 at least. Differentiable once (the ATen
/// path: any number of times) with respect to every tensor. REQUIRES: Ca + Cb divisible by `groups`; a and b of one
/// dtype and device.
NormResult group_norm_silu(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight, const at::Tensor& bias,
                           std::int64_t groups, const NormModulation& modulation = {},
                           Activation activation = Activation::silu);

/// The same by plain ATen operations: the oracle of the fused kernel, and what runs where there is none.
NormResult group_norm_silu_reference(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight,
                                     const at::Tensor& bias, std::int64_t groups, const NormModulation& modulation = {},
                                     Activation activation = Activation::silu);

}  // namespace pathline::flow
