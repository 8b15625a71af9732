#pragma once
// The CPU kernels behind group_norm_silu(): plain memory in, plain memory out, one sample per call. No LibTorch here,
// so that this compiles alone with its own flags. Formulas: flow/networks/layers/group_norm_silu.h.
//
// An activation is [pixels][channels] (channels_last); it may come as two tensors side by side (a decoder level's input
// and its skip connection), which are normalised as if concatenated. Sums are taken in a fixed order: results do not
// depend on threads. Thread-safety: calls share nothing but what the caller passes.

#include <cstdint>

namespace pathline::flow::kernels {

/// bfloat16 as its bits.
struct Bfloat16 {
  std::uint16_t bits;
};

/// Channel counts must be multiples of this.
inline constexpr std::int64_t channel_block = 32;

struct NormShape {
  std::int64_t pixels = 0;
  std::int64_t channels_a = 0, channels_b = 0;  ///< of the two parts; channels_b may be 0
  std::int64_t groups = 0;                      ///< divides channels()
  bool silu = true;                             ///< false: no activation
  double epsilon = 1e-5;
  std::int64_t channels() const noexcept { return channels_a + channels_b; }
};

/// Per channel of one sample, [channels] each; null where absent (scale and shift only together).
struct NormParameters {
  const float* weight = nullptr;
  const float* bias = nullptr;
  const float* pre_add = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
};

/// Floats of scratch memory that forward and backward need.
std::int64_t norm_forward_scratch(const NormShape& shape) noexcept;
std::int64_t norm_backward_scratch(const NormShape& shape) noexcept;

/// One sample. `joined` (may be null) receives the concatenation of a and b. mean, rstd: [groups], kept for the
/// backward pass.
template <class T>
struct NormForward {
  const T* a = nullptr;
  const T* b = nullptr;
  T* y = nullptr;
  T* joined = nullptr;
  float* mean = nullptr;
  float* rstd = nullptr;
  float* scratch = nullptr;
};
void norm_forward(const NormShape& shape, const NormParameters& parameters, const NormForward<float>& sample);
void norm_forward(const NormShape& shape, const NormParameters& parameters, const NormForward<Bfloat16>& sample);

/// One sample. grad_through (may be null): a gradient of the (joined) input that is added to the result. The
/// per-channel results are this sample's shares; the caller sums grad_weight and grad_bias over the batch. Null where
/// not wanted.
template <class T>
struct NormBackward {
  const T* a = nullptr;
  const T* b = nullptr;
  const T* grad_y = nullptr;
  const T* grad_through = nullptr;
  const float* mean = nullptr;
  const float* rstd = nullptr;
  T* grad_a = nullptr;
  T* grad_b = nullptr;
  float* grad_weight = nullptr;
  float* grad_bias = nullptr;
  float* grad_pre_add = nullptr;
  float* grad_scale = nullptr;
  float* grad_shift = nullptr;
  float* scratch = nullptr;
};
void norm_backward(const NormShape& shape, const NormParameters& parameters, const NormBackward<float>& sample);
void norm_backward(const NormShape& shape, const NormParameters& parameters, const NormBackward<Bfloat16>& sample);

}  // namespace pathline::flow::kernels
