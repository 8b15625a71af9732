#pragma once
// How the gradients of all micro-batches of all ranks become one sum that every rank holds.
//
// The owner calls, in every step and on every rank: micro_batch_done() after each backward, then finish(). Afterwards
// the gradient buffer holds the sum over the global batch. A step that is given up calls discard() instead of finish()
// (on all ranks alike). fast: gradients accumulate in place and are all-reduced in whatever order the library likes.
// reproducible: one fixed binary tree over micro-batches, the same bits for any number of ranks
// (trainer/parallel/summation_tree.h). Ownership: borrows communicator and buffer. Thread-safety: the training thread
// only.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/summation_tree.h"

namespace pathline::parallel {

class GradientReduction {
 public:
  virtual ~GradientReduction() = default;
  /// The buffer holds the gradient of micro-batch `micro` added to what micro_batch_done() left in it.
  virtual void micro_batch_done(std::uint64_t micro) = 0;
  virtual void finish() = 0;
  virtual void discard() = 0;
};

/// `kind`: "fast" or "reproducible". `ranges`: the micro-batches of each rank, ascending and without gaps. `gradients`
/// must be zero when a step begins. Throws Error(usage) for an unknown kind.
std::unique_ptr<GradientReduction> make_reduction(const std::string& kind, Communicator& communicator,
                                                  std::span<float> gradients, std::vector<MicroRange> ranges);

}  // namespace pathline::parallel
