#pragma once
// Everything that training changes, as flat buffers: weights, gradients, the optimizer's buffers, averaged weights.
// Parameters, .grad and the tensors of checkpoints are views into them.
//
// What is kept per weight beside weight and gradient, each rank keeps for the weights it owns, one owned slice after
// the other: all of them, or, with engine.to_owners on several ranks, its share (ZeRO-1, Rajbhandari et al. 2020).
// Ownership: owns networks and buffers, borrows the communicator. Thread-safety: the training thread only; whatever is
// said to be collective is called by all ranks alike.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/torch/tensor_file.h"
#include "flow/networks/network.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/optim/optimizer.h"
#include "trainer/parallel/engine/data_parallel.h"
#include "trainer/parallel/engine/flat_layout.h"

namespace pathline {

struct ModelStateSettings {
  flow::NetworkSettings network;
  std::uint64_t seed = 0;
  std::shared_ptr<const Optimizer> optimizer;
  parallel::EngineSettings engine;
  std::uint64_t micro_batches = 1;  ///< of a step, over all ranks
};

/// A run of weights that this rank updates, with all that belongs to them.
struct OwnedSlice {
  OptimizerSlice optimizer;          ///< weights, gradients, the optimizer's buffers
  std::vector<at::Tensor> averages;  ///< as many as ModelState::averages()
};

class ModelState {
 public:
  /// Weights are a pure function of (network settings, seed). Collective.
  ModelState(const ModelStateSettings& settings, parallel::Communicator& communicator, at::Device device = at::kCPU);

  const std::shared_ptr<flow::VelocityNetwork>& network() const noexcept { return network_; }
  at::Device device() const noexcept { return weights_.device(); }
  /// Backward and the sum of all gradients.
  parallel::DataParallel& data_parallel() noexcept { return data_parallel_; }
  const Optimizer& optimizer() const noexcept { return *optimizer_; }
  std::size_t averages() const noexcept { return averages_.size(); }

  /// What this rank updates in a step, after the gradients have been summed; together all ranks' slices are everything.
  std::vector<OwnedSlice> owned_slices() const;
  /// After the owned slices have been updated: all ranks get all weights, the averaged networks the network's buffers,
  /// the gradients are zero. Collective.
  void finish_update();
  /// Forgets the gradients.
  void discard_gradients() { data_parallel_.engine().zero(); }

  /// Makes averaged_network() up to date. Collective.
  void collect_averages();
  /// The network with averaged weights, in evaluation mode. On rank 0 only where the averages are sharded.
  flow::VelocityNetwork& averaged_network() noexcept { return *averages_.front().network; }

  std::int64_t parameter_count() const noexcept { return layout().parameter_count(); }
  /// Values of each buffer and each average that this rank keeps, padding included.
  std::int64_t owned_values() const;
  /// Throws AgreedError(peer) on every rank if they differ: from then on the ranks train different networks. `when`,
  /// for the message: "after step 20". Collective.
  void check_same_weights(const std::string& when) const;

  /// For a checkpoint, on rank 0: tensors are views, unchanged until the next update. Elsewhere nothing is filled in.
  /// Collective.
  void describe(CheckpointContents& contents);
  /// Takes over what a checkpoint holds, on rank 0, before broadcast(); without optimizer tensors the optimizer begins
  /// anew. Throws Error(bad_input) for wrong names or shapes.
  void restore(const CheckpointInfo& checkpoint);
  /// Sends all that rank 0 holds to all ranks. Collective.
  void broadcast();

 private:
  struct Buffer {
    std::string name;
    double initial = 0;
    at::Tensor own;
  };
  struct Average {
    std::shared_ptr<flow::VelocityNetwork> network;  // null where sharded, but on rank 0
    parallel::NamedParameters parameters;            // of the network
    at::Tensor whole;                                // behind them, laid out as layout()
    at::Tensor own;                                  // not sharded: `whole` itself
  };

  const parallel::FlatLayout& layout() const noexcept { return data_parallel_.engine().layout(); }
  bool sharded() const { return sharded_; }
  bool first_rank() const { return communicator_.rank() == 0; }
  std::uint64_t weights_hash() const;
  std::vector<at::Tensor*> kept_by_owners();
  at::Tensor own_part(const at::Tensor& whole, const std::vector<parallel::Slice>& slices) const;
  at::Tensor collected(const at::Tensor& own);
  void move_to(const parallel::FlatLayout& next);
  NamedTensors optimizer_tensors(const std::vector<at::Tensor>& whole) const;
  void send_from_first(const at::Tensor& tensor);

  parallel::Communicator& communicator_;
  const std::shared_ptr<const Optimizer> optimizer_;
  const bool sharded_;
  const std::shared_ptr<flow::VelocityNetwork> network_;
  const parallel::NamedParameters parameters_;
  parallel::DataParallel data_parallel_;
  at::Tensor weights_;           // whole, laid out as layout()
  std::vector<Buffer> buffers_;  // of the optimizer
  std::vector<Average> averages_;
  /// Sharded, on rank 0, between restore() and broadcast(): what kept_by_owners() will get its parts of, whole.
  std::vector<at::Tensor> restored_;
};

}  // namespace pathline
