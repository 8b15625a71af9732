#include "solvers/vector_pool.h"

#include <algorithm>

#include <ATen/ops/empty_like.h>

namespace pathline::solvers {

VectorPool::VectorPool(const at::Tensor& state) {
  vectors_.push_back(std::make_unique<pathline_vector>(pathline_vector{state, std::nullopt, true}));
}

pathline_vector* VectorPool::clone() {
  for (const auto& vector : vectors_) {
    if (vector->in_use) continue;
    vector->in_use = true;
    vector->finite.reset();
    return vector.get();
  }
  vectors_.push_back(
      std::make_unique<pathline_vector>(pathline_vector{at::empty_like(state()->tensor), std::nullopt, true}));
  return vectors_.back().get();
}

bool VectorPool::release(pathline_vector* vector) {
  if (vector == state() || !valid(vector)) return false;
  vector->in_use = false;
  return true;
}

bool VectorPool::valid(const pathline_vector* vector) const {
  return std::any_of(vectors_.begin(), vectors_.end(),
                     [&](const auto& own) { return own.get() == vector && own->in_use; });
}

std::size_t VectorPool::outstanding() const {
  return static_cast<std::size_t>(
      std::count_if(vectors_.begin() + 1, vectors_.end(), [](const auto& vector) { return vector->in_use; }));
}

}  // namespace pathline::solvers
