#pragma once
// A micro-batch as objectives see it: ends of the paths, times, conditions, and more randomness for who needs it.
// Thread-safety: plain value; copies share their tensors and methods.

#include <memory>
#include <utility>

#include <ATen/core/Tensor.h>

#include "flow/condition.h"
#include "flow/keyed_draws.h"
#include "flow/objectives/objective.h"
#include "flow/paths/path.h"
#include "flow/predictions/prediction.h"

namespace pathline::flow {

struct ObjectiveBatch {
  at::Tensor x0, x1;    ///< noise and data, [B, …] float32
  at::Tensor t;         ///< [B] float32, drawn from the timestep distribution
  Condition condition;  ///< "not given" where it was drawn so
  std::shared_ptr<const Path> path;
  std::shared_ptr<const Prediction> prediction;
  KeyedDraws draws;  ///< beyond x0, t and the dropped conditions

  ObjectiveBatch to(at::Device device) const {
    ObjectiveBatch moved = *this;
    for (at::Tensor* tensor : {&moved.x0, &moved.x1, &moved.t}) *tensor = tensor->to(device);
    moved.condition = condition.to(device);
    moved.draws = draws.to(device);
    return moved;
  }
};

}  // namespace pathline::flow
