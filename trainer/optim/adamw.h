#pragma once
// AdamW (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019), as torch.optim.AdamW computes it:
//   w *= 1 - lr * weight_decay;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²;
//   w -= lr * (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps)
// Every element is updated on its own by LibTorch's fused kernel: the result does not depend on the number of threads.
// Thread-safety: immutable.

#include <cstdint>
#include <string>
#include <vector>

#include "core/config_fields.h"
#include "trainer/optim/optimizer.h"
#include "trainer/optim/registry.h"

namespace pathline {

struct AdamWSettings {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;

  void fields(FieldVisitor& f);
};

class AdamW final : public Optimizer {
 public:
  explicit AdamW(const AdamWSettings& settings) : settings_(settings) {}
  std::string describe() const override;
  std::vector<OptimizerBuffer> buffers() const override;
  void update(const OptimizerSlice& slice, double learning_rate, std::uint64_t step) const override;

 private:
  const AdamWSettings settings_;
};

OptimizerKind adamw_kind();

}  // namespace pathline
