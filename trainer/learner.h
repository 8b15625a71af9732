#pragma once
// The network being trained with everything that changes with it: gradients, optimizer moments, averaged weights. All
// of them are flat buffers; parameters, .grad and the tensors of checkpoints are views into them.
//
// One optimizer step is: accumulate() for each micro-batch of this rank, reduce(), which is collective, then update()
// or discard(). With parallel.shard_optimizer (ZeRO-1, Rajbhandari et al. 2020) a rank keeps moments and average of its
// own slices only; then update(), describe(), collect_average() and broadcast() are collective, too.
// Ownership: owns networks and buffers, borrows the communicator. Thread-safety: the training thread only.

#include <cstdint>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/torch/tensor_file.h"
#include "core/trace.h"
#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "flow/networks/network.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/optim/optimizer.h"
#include "trainer/parallel/engine/flat_layout.h"
#include "trainer/parallel/engine/gradient_engine.h"
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
  /// Weights are a pure function of (network settings, seed). Collective.
  Learner(const RunConfig& run, const data::DatasetInfo& data, parallel::Communicator& communicator,
          at::Device device = at::kCPU, TraceWriter* trace = nullptr);

  /// Forward and backward; adds the gradient of loss_sum / global_batch. `problem` set: the step must be discarded (on
  /// all ranks).
  MicroResult accumulate(const data::Batch& batch);
  /// Sums the gradients of all ranks; to be called in every step, whatever accumulate() said. Returns what was not
  /// finite on this rank, or "". Collective.
  std::string reduce();
  /// Global norm of the summed gradient. Collective.
  double gradient_norm() { return engine_.norm(); }
  /// Clips, AdamW step number `step` (from 1), EMA. Returns whether the gradient was clipped.
  bool update(double gradient_norm, double learning_rate, std::uint64_t step, double ema_beta);
  /// Forgets what accumulate() added.
  void discard() { engine_.zero(); }

  /// What the last reduce() took.
  const parallel::CommunicationCounters& communication() const noexcept { return communication_; }
  const parallel::GradientEngine& engine() const noexcept { return engine_; }

  /// Makes ema_network() up to date where the average is sharded.
  void collect_average();
  /// The network with averaged weights. On rank 0 only where the average is sharded.
  flow::VelocityNetwork& ema_network() noexcept { return *ema_network_; }
  /// Values per moment that this rank keeps, padding included.
  std::int64_t optimizer_values() const { return owned_values(); }
  std::int64_t parameter_count() const noexcept { return engine_.layout().parameter_count(); }
  /// xxh3 of the raw weights, whatever their layout.
  std::uint64_t weights_hash() const;

  /// For a checkpoint, on rank 0: tensors are views, unchanged until the next update(). Elsewhere nothing is filled in.
  void describe(CheckpointContents& contents);
  /// Takes over what a checkpoint holds, on rank 0, before broadcast(); without optimizer tensors the moments stay
  /// zero. Throws Error(bad_input) for wrong names or shapes.
  void restore(const CheckpointInfo& checkpoint);
  /// Sends rank 0's weights, averages, moments and buffers to all ranks. Collective.
  void broadcast();

 private:
  bool sharded() const { return run_.shard_optimizer && communicator_.size() > 1; }
  bool first_rank() const { return communicator_.rank() == 0; }
  std::int64_t owned_values() const;
  at::Tensor own_part(const at::Tensor& full, const std::vector<parallel::Slice>& slices) const;
  at::Tensor collected(const at::Tensor& own);
  void follow(const parallel::FlatLayout& next);

  const RunConfig run_;
  const data::DatasetInfo data_;
  parallel::Communicator& communicator_;
  const at::Device device_;
  BatchSettings batch_settings_;
  std::shared_ptr<flow::VelocityNetwork> network_, ema_network_;  // the latter null where sharded, but on rank 0
  parallel::NamedParameters parameters_, ema_parameters_;
  parallel::GradientEngine engine_;
  at::Tensor weights_;                // whole, laid out as engine_.layout()
  at::Tensor ema_weights_;            // of ema_network_, whole
  at::Tensor average_;                // of the owned slices, one after the other; not sharded: ema_weights_ itself
  AdamW adamw_;                       // of the owned slices
  std::vector<at::Tensor> restored_;  // sharded, rank 0, between restore() and broadcast(): average and moments, whole
  const std::uint64_t last_micro_;    // end of this rank's micro-batches in a step
  parallel::CommunicationCounters communication_;
  std::vector<std::uint64_t> last_samples_;  // ids of the newest micro-batch
};

/// The micro-batches of each rank, as data::BatchPlan shares them out.
std::vector<parallel::MicroRange> micro_ranges(const RunConfig& run, int ranks);

}  // namespace pathline
