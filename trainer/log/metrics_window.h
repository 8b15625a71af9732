#pragma once
// The steps since the last record, which becomes their mean. Thread-safety: one thread.

#include <cstdint>

#include "trainer/log/metrics.h"
#include "trainer/parallel/engine/communication_counters.h"

namespace pathline {

class MetricsWindow {
 public:
  /// One optimizer step that was carried out.
  void add_step(double loss, double gradient_norm, bool clipped);
  /// Images and time count for skipped steps, too.
  void add_time(std::uint64_t images, double seconds, double reduction_seconds, double data_wait_seconds);
  void add_communication(const parallel::CommunicationCounters& counters);
  /// Time between steps in which training stood still for a checkpoint.
  void add_stall(double seconds) { stall_ += seconds; }
  std::uint64_t steps() const noexcept { return steps_; }
  double mean_loss() const;
  double images_per_second() const;
  /// Fills the fields that are means over the window, then starts a new one.
  void close(MetricsRecord& record);

 private:
  std::uint64_t steps_ = 0, clipped_ = 0, images_ = 0, reductions_ = 0;
  double loss_ = 0, loss_squared_ = 0, norm_ = 0, seconds_ = 0, reduction_ = 0, wait_ = 0, stall_ = 0;
  parallel::CommunicationCounters communication_;  // sums
};

}  // namespace pathline
