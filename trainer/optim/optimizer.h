#pragma once
// What updates the weights: a rule over flat buffers, and the buffers it keeps beside them, one value per weight, by
// their names. A new optimizer is a file like trainer/optim/adamw.cpp and a line in trainer/optim/registry.cpp.
//
// A rule owns nothing but its settings. Its buffers belong to whoever holds the weights (trainer/model_state.h), which
// shares them out over the ranks, moves them when the layout changes and stores them in checkpoints as NAME.PARAMETER.
// Thread-safety: immutable.

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pathline {

struct OptimizerBuffer {
  std::string name;    ///< as PyTorch's optimizer of that kind calls it
  double initial = 0;  ///< every value of it before the first update
};

/// A run of consecutive values of the flat buffers, [n] float32 each. Everything but the gradients is updated in place.
struct OptimizerSlice {
  at::Tensor weights, gradients;
  std::vector<at::Tensor> buffers;  ///< in the order of Optimizer::buffers()
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// "AdamW, betas 0.9 0.999, eps 1e-08, weight decay 0.01".
  virtual std::string describe() const = 0;
  virtual std::vector<OptimizerBuffer> buffers() const = 0;
  /// Update number `step`, from 1. What becomes of a value must not depend on where slices are cut (which is at
  /// multiples of 16 values).
  virtual void update(const OptimizerSlice& slice, double learning_rate, std::uint64_t step) const = 0;
};

}  // namespace pathline
