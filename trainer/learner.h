#pragma once
// The network being trained with everything that changes with it: gradients, optimizer moments, averaged weights. All
// of them are flat buffers; parameters, .grad and the tensors of checkpoints are views into them.
//
// One optimizer step is: accumulate() for each micro-batch of this rank, then reduce() and update(), or discard();
// reduce() is collective. Ownership: owns networks and buffers, borrows the communicator. Thread-safety: the training
// thread only.

#include <cstdint>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/tensor_file.h"
#include "data/reader.h"
#include "data/shard_set.h"
#include "flow/network.h"
#include "trainer/checkpoint.h"
#include "trainer/optimizer.h"
#include "trainer/parallel/flat_gradients.h"
#include "trainer/parallel/reduction.h"
#include "trainer/run_config.h"
#include "trainer/training_batch.h"

namespace pathline {

/// What a micro-batch gave.
struct MicroResult {
  double loss_sum = 0;  ///< sum over its samples of the mean squared error
  std::string problem;  ///< "" or what is not finite, with the sample ids
};

class Learner {
 public:
  /// Weights are a pure function of (network settings, seed).
  Learner(const RunConfig& run, const data::DatasetInfo& data, parallel::Communicator& communicator);

  /// Forward and backward; adds the gradient of loss_sum / global_batch. `problem` set: the step must be discarded (on
  /// all ranks).
  MicroResult accumulate(const data::Batch& batch);
  /// Sums the gradients of all ranks and returns their global norm. Collective.
  double reduce();
  /// Clips, AdamW step number `step` (from 1), EMA. Returns whether the gradient was clipped.
  bool update(double gradient_norm, double learning_rate, std::uint64_t step, double ema_beta);
  /// Forgets what accumulate() added.
  void discard();

  flow::VelocityNetwork& ema_network() noexcept { return *ema_network_; }
  std::int64_t parameter_count() const noexcept { return layout_.parameter_count(); }
  /// xxh3 of the raw weights.
  std::uint64_t weights_hash() const;

  /// For a checkpoint: tensors are views, valid as long as the learner and unchanged until the next update().
  void describe(CheckpointContents& contents) const;
  /// Takes over what a checkpoint holds; without optimizer tensors the moments stay zero. Throws Error(bad_input) for
  /// wrong names or shapes.
  void restore(const CheckpointInfo& checkpoint);
  /// Sends rank 0's weights, averages, moments and buffers to all ranks. Collective.
  void broadcast();

 private:
  std::vector<at::Tensor> flat_buffers() const {
    return {weights_, ema_weights_, adamw_.first_moment(), adamw_.second_moment()};
  }

  const RunConfig run_;
  const data::DatasetInfo data_;
  parallel::Communicator& communicator_;
  BatchSettings batch_settings_;
  std::shared_ptr<flow::VelocityNetwork> network_, ema_network_;
  parallel::NamedParameters parameters_, ema_parameters_;
  parallel::FlatLayout layout_;
  at::Tensor weights_, ema_weights_;
  parallel::FlatGradients gradients_;
  AdamW adamw_;
  std::unique_ptr<parallel::GradientReduction> reduction_;
};

/// The micro-batches of each rank, as data::BatchPlan shares them out.
std::vector<parallel::MicroRange> micro_ranges(const RunConfig& run, int ranks);

}  // namespace pathline
