#pragma once
// Clipping gradients by their global norm. Thread-safety: pure.

#include <algorithm>

namespace pathline {

/// The factor that brings a gradient of norm `norm` down to `limit`: min(1, limit / (norm + 1e-6)), as
/// torch.nn.utils.clip_grad_norm_. `limit` 0: no clipping, 1.
inline double clip_factor(double norm, double limit) {
  return limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1.0;
}

}  // namespace pathline
