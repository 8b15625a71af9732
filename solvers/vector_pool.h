#pragma once
// The vectors that a plugin holds during one integration: tensors behind the ABI's opaque handles, handed out again
// after release, counted.
//
// Ownership: the pool owns all vectors but the caller's state, which it adopts. Thread-safety: none; one pool per
// integration.

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "pathline/solver.h"

/// The ABI's opaque type.
struct pathline_vector {
  at::Tensor tensor;
  std::optional<bool> finite;  ///< as far as known since the last write
  bool in_use = true;
};

namespace pathline::solvers {

class VectorPool {
 public:
  explicit VectorPool(const at::Tensor& state);

  pathline_vector* state() noexcept { return vectors_.front().get(); }
  pathline_vector* clone();
  /// False if the vector is not one that was cloned and not released yet.
  bool release(pathline_vector* vector);
  /// Whether a plugin may use this handle now.
  bool valid(const pathline_vector* vector) const;
  std::size_t outstanding() const;  ///< cloned and not released
  bool on_cpu() const { return vectors_.front()->tensor.is_cpu(); }
  std::size_t allocated() const noexcept { return vectors_.size() - 1; }

 private:
  // A dozen entries at most: searching them costs less than any map.
  std::vector<std::unique_ptr<pathline_vector>> vectors_;
};

}  // namespace pathline::solvers
