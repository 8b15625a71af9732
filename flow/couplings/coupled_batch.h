#pragma once
// A whole global batch as couplings see it. Thread-safety: plain value; copies share their tensors.

#include <ATen/core/Tensor.h>

#include "flow/condition.h"
#include "flow/couplings/coupling.h"

namespace pathline::flow {

struct CoupledBatch {
  at::Tensor x0, x1;    ///< each sample's own noise and data [G, …], in order of position
  Condition condition;  ///< of the samples, before any is dropped
};

}  // namespace pathline::flow
