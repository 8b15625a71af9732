#pragma once
// AdamW over one flat buffer (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019), as
// torch.optim.AdamW computes it:
//   w *= 1 - lr * weight_decay;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;  w -= lr * (m / (1 - b1^k)) / (sqrt(v
//   / (1 - b2^k)) + eps)
// Every element is updated on its own by LibTorch's fused kernel: the result does not depend on the number of threads.
// Ownership: owns its moments, borrows nothing. Thread-safety: one thread.

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace pathline {

struct AdamWSettings {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
};

class AdamW {
 public:
  /// Moments start at zero. `values`: size of the flat buffers.
  AdamW(const AdamWSettings& settings, std::int64_t values, at::Device device = at::kCPU);

  /// Updates `weights` in place with `gradient` (both flat, [n]); their moments are those from `first` on. `step`: 1
  /// for the first update.
  void update(at::Tensor weights, const at::Tensor& gradient, double learning_rate, std::uint64_t step,
              std::int64_t first = 0);

  at::Tensor& first_moment() noexcept { return first_moment_; }    ///< m, "exp_avg" in PyTorch
  at::Tensor& second_moment() noexcept { return second_moment_; }  ///< v, "exp_avg_sq"

 private:
  AdamWSettings settings_;
  at::Tensor first_moment_, second_moment_;
};

/// The factor that brings a gradient of norm `norm` down to `limit`: min(1, limit / (norm + 1e-6)), as
/// torch.nn.utils.clip_grad_norm_. `limit` 0: no clipping, 1.
double clip_factor(double norm, double limit);

}  // namespace pathline
