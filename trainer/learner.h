#pragma once
// One optimizer step, piece by piece: accumulate() for each micro-batch of this rank, reduce(), then update() or
// discard(). What it works on is the model's state (trainer/model_state.h).
//
// Ownership: borrows the model. Thread-safety: the training thread only. reduce(), gradient_norm() and update() are
// collective.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "flow/networks/network.h"
#include "trainer/model_state.h"
#include "trainer/optim/step_rates.h"
#include "trainer/run_config.h"
#include "trainer/training_batch.h"

namespace pathline {

/// What a micro-batch gave.
struct MicroResult {
  double loss_sum = 0;  ///< sum over its samples
  std::string problem;  ///< "" or what is not finite, with the sample ids
};

class Learner {
 public:
  Learner(const RunConfig& run, const data::DatasetInfo& data, ModelState& model);

  /// The numbers of this rank's micro-batches in a step: accumulate() is called for each, in their order.
  auto micro_batches() const { return model_.data_parallel().micro_batches(); }
  /// Forward and backward; adds the gradient of loss_sum / global_batch. `problem` set: the step must be discarded (on
  /// all ranks).
  MicroResult accumulate(const data::Batch& batch);
  /// Sums the gradients of all ranks; to be called in every step, whatever accumulate() said. Returns what was not
  /// finite on this rank, or "".
  std::string reduce();
  /// Global norm of the summed gradient.
  double gradient_norm() { return model_.data_parallel().engine().norm(); }
  /// Clips, updates the weights for the `step`th time (from 1) and their averages. Returns whether the gradient was
  /// clipped.
  bool update(double gradient_norm, const StepRates& rates, std::uint64_t step);
  /// Forgets what accumulate() added.
  void discard() { model_.discard_gradients(); }

  /// What the last reduce() took.
  const parallel::CommunicationCounters& communication() const noexcept { return communication_; }

 private:
  const RunConfig run_;
  const data::DatasetInfo data_;
  ModelState& model_;
  const std::shared_ptr<flow::VelocityNetwork> network_;
  const at::Device device_;
  const BatchSettings batch_settings_;
  parallel::CommunicationCounters communication_;
  std::vector<std::uint64_t> last_samples_;  // ids of the newest micro-batch
};

}  // namespace pathline
