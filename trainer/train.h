#pragma once
// Training: the whole of it, from checked settings to a trained model on disk. Every rank calls train() with the same
// arguments.
//
// What a run does is a pure function of settings and data, not of where it was interrupted; in reproducible mode, not
// of the number of ranks either (docs/training.md). Errors: pathline::Error; those that the ranks agree on are
// parallel::AgreedError, thrown by all of them alike.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <c10/core/Device.h>

#include "core/config.h"
#include "flow/networks/network.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/parallel/communicator.h"

namespace pathline {

/// What the loop asks of its surroundings; every one may be empty.
struct TrainCallbacks {
  using Preview = std::function<std::string(flow::VelocityNetwork& averaged_network, const ModelDescription& model,
                                            std::uint64_t step)>;
  /// Picture (PNG bytes) of what the network draws; called on rank 0 with the averaged weights in evaluation mode.
  Preview preview;
  /// True as soon as this process has been asked to stop; the run then ends after the step with a checkpoint.
  std::function<bool()> stop_requested;
};

struct TrainOptions {
  c10::Device device = c10::Device(c10::kCPU);                ///< of this rank; train.device, opened by the caller
  bool fresh = false;                                         ///< refuse to resume
  bool dry_run = false;                                       ///< check everything, print the table, write nothing
  std::vector<std::pair<std::string, std::string>> versions;  ///< shown at the start and recorded in metrics.jsonl
};

enum class TrainOutcome { finished, already_finished, stopped, dry_run };

/// Collective. `config`: parsed with train_schema().
TrainOutcome train(const Config& config, parallel::Communicator& communicator, const TrainCallbacks& callbacks,
                   const TrainOptions& options);

}  // namespace pathline
