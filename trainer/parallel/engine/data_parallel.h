#pragma once
// Data-parallel training of any LibTorch module: the whole public face of trainer/parallel for other programs
// (docs/data-parallel.md).
//
//   parallel::Session session(&argc, &argv);
//   auto communicator = session.communicator();
//   parallel::DataParallel parallel(module, *communicator);
//   for each step:
//     for (auto m : parallel.micro_batches()) parallel.backward(loss_of(batch m));
//     parallel.finish();        // .grad of every parameter: the mean over all micro-batches of all ranks
//     optimizer.step();
//     parallel.zero_grad();     // instead of optimizer.zero_grad(), which would throw the gradient buffer away
//
// Ownership: borrows module and communicator. Thread-safety: the training thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <ranges>

#include <torch/nn/module.h>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/engine/gradient_engine.h"

namespace pathline::parallel {

/// Those that require a gradient, by their names.
NamedParameters trainable_parameters(const torch::nn::Module& module);

struct DataParallelOptions {
  EngineSettings engine;
  /// Of a whole step, over all ranks, shared out as evenly as can be; 0: one per rank. With engine.reduction =
  /// "reproducible" the result depends on this number, and not on the number of ranks.
  std::uint64_t micro_batches = 0;
  /// Start from rank 0's parameters and buffers. false: they must be equal already, which is checked either way.
  bool broadcast = true;
};

class DataParallel {
 public:
  /// Parameters that do not require a gradient are left alone. Throws Error(usage) for one that is not a dense float32
  /// tensor, or when there are fewer micro-batches than ranks. Collective.
  DataParallel(torch::nn::Module& module, Communicator& communicator, const DataParallelOptions& options = {});

  /// The numbers of this rank's micro-batches in a step, out of options.micro_batches.
  auto micro_batches() const { return std::views::iota(own_.first, own_.last); }

  /// Backward of one micro-batch's mean loss. To be called once for each of micro_batches(), in their order. Returns
  /// whether this rank's gradients are still finite; for the last micro-batch, whose gradients may be on their way
  /// already, true: was_finite() knows after finish(). Throws std::logic_error when called more often.
  bool backward(const at::Tensor& loss) { return backward_part(loss / static_cast<double>(total_)); }
  /// The same for a loss that is one part of the step's, divided by what all parts together are divided by: the
  /// gradients of all parts are added up as they are.
  bool backward_part(const at::Tensor& loss);
  /// Waits for the sum. Collective. Throws Error(usage) if a parameter got no gradient, or has lost the view into the
  /// buffer.
  CommunicationCounters finish();
  /// Whether all gradients of this rank were finite, before they were summed with those of others. Valid after
  /// finish(); on a device it says true, and the sum must be looked at.
  bool was_finite() const noexcept { return engine_->was_finite(); }
  /// To be called when the gradients have been used. After the first complete step it also plans the buckets anew,
  /// once; whoever has other buffers laid out as engine().layout() moves them in `before_rebuild`. Collective.
  void zero_grad(const std::function<void(const FlatLayout& next)>& before_rebuild = {});

  GradientEngine& engine() noexcept { return *engine_; }
  const GradientEngine& engine() const noexcept { return *engine_; }

 private:
  std::uint64_t total_ = 0, next_ = 0;
  MicroRange own_;
  std::unique_ptr<GradientEngine> engine_;
};

}  // namespace pathline::parallel
