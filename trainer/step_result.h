#pragma once
// What one optimizer step gave, and how the ranks agree on it. Thread-safety: plain values; what is collective is
// called by all ranks alike.

#include <array>
#include <string>

#include "core/stopwatch.h"
#include "trainer/optim/step_rates.h"
#include "trainer/parallel/communicator.h"
#include "trainer/parallel/engine/communication_counters.h"

namespace pathline {

/// On this rank, and, after agree_on(), on all ranks.
struct StepResult {
  double loss_sum = 0, samples = 0;
  std::string problem;  ///< what was not finite here; the step is skipped by all
  std::string failure;  ///< serialized exception; all ranks end
  bool skip = false, stop = false;

  // Of a step that was not skipped:
  double gradient_norm = 0;
  StepRates rates;
  bool clipped = false;

  // Where its time went, on this rank:
  Stopwatch clock;  ///< since its beginning
  double data_wait_seconds = 0;
  double reduction_seconds = 0;  ///< in collectives, with nothing else to do
  parallel::CommunicationCounters communication;

  double loss() const { return loss_sum / samples; }
};

/// What the one scalar all-reduce of a step carries.
struct StepSums {
  double loss = 0, samples = 0;
  double skipping = 0, stopping = 0, failed = 0;  ///< ranks

  std::array<double, 5> packed() const { return {loss, samples, skipping, stopping, failed}; }
  static StepSums unpacked(const std::array<double, 5>& sums) { return {sums[0], sums[1], sums[2], sums[3], sums[4]}; }
};

/// Sums over all ranks: afterwards every rank knows the same and decides alike. Throws AgreedError on every rank if one
/// has failed. Collective.
void agree_on(StepResult& step, parallel::Communicator& communicator);

/// "rank 1: the loss is not finite for sample(s) 17, 512; rank 3: …". Collective.
std::string gather_problems(const std::string& problem, parallel::Communicator& communicator);

}  // namespace pathline
