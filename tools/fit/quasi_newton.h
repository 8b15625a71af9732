#pragma once
// Directions of descent from gradients alone (BFGS), begun with a curvature that is known beforehand. Small dense
// matrices in float64 on the CPU. Thread-safety: a value.

#include <vector>

#include <ATen/core/Tensor.h>

namespace pathline::tools {

class QuasiNewton {
 public:
  /// `curvature` [p, p], symmetric: an estimate of the second derivatives, made positive definite by adding `damping`
  /// times its diagonal.
  QuasiNewton(const at::Tensor& curvature, double damping);

  /// Towards the minimum of the quadratic model: always downhill.
  std::vector<double> direction(const std::vector<double>& gradient) const;

  /// After a step: by how much the unknowns and the gradient changed. A pair that shows no upward curvature is ignored.
  void learn(const std::vector<double>& step, const std::vector<double>& gradient_change);

 private:
  at::Tensor inverse_;
};

}  // namespace pathline::tools
