#pragma once
// What training minimises. An objective is handed the network and a micro-batch and says the loss of each sample; it
// may evaluate the network as often as it likes, at other times, without gradients or with forward-mode derivatives.
// Docs: docs/method.md.
//
// Thread-safety: immutable; losses() is for one thread per network. No LibTorch here: flow/objectives/objective_batch.h
// has the batch.

#include <memory>
#include <string>
#include <string_view>

#include "flow/method_table.h"

namespace at {
class Tensor;
}

namespace pathline::flow {

class VelocityNetwork;
struct ObjectiveBatch;

class Objective {
 public:
  virtual ~Objective() = default;
  /// The word and arguments that make it: "velocity".
  virtual std::string text() const = 0;
  /// The loss of each sample, [B] float32, to be differentiated in the network's parameters. The trainer sums them over
  /// the global batch and divides by its size, so that gradients of micro-batches add up; a loss that couples samples
  /// couples those of one micro-batch. REQUIRES: the network is in the mode it is trained in, and autocast is as
  /// train.precision says.
  virtual at::Tensor losses(VelocityNetwork& network, const ObjectiveBatch& batch) const = 0;
};

MethodTable<Objective> objective_table();

/// Throws Error(usage), without a place, for a text that names none.
std::shared_ptr<const Objective> make_objective(std::string_view text);

}  // namespace pathline::flow
