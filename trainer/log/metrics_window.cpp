#include "trainer/log/metrics_window.h"

#include <algorithm>
#include <cmath>

namespace pathline {

void MetricsWindow::add_step(double loss, double gradient_norm, bool clipped) {
  ++steps_;
  loss_ += loss;
  loss_squared_ += loss * loss;
  norm_ += gradient_norm;
  clipped_ += clipped ? 1 : 0;
}

void MetricsWindow::add_time(std::uint64_t images, double seconds, double reduction_seconds, double data_wait_seconds) {
  images_ += images;
  seconds_ += seconds;
  reduction_ += reduction_seconds;
  wait_ += data_wait_seconds;
}

void MetricsWindow::add_communication(const parallel::CommunicationCounters& counters) {
  ++reductions_;
  communication_.bytes += counters.bytes;
  communication_.collectives += counters.collectives;
  communication_.seconds += counters.seconds;
  communication_.exposed_seconds += counters.exposed_seconds;
}

double MetricsWindow::mean_loss() const {
  return steps_ > 0 ? loss_ / static_cast<double>(steps_) : 0.0;
}

double MetricsWindow::images_per_second() const {
  return seconds_ > 0 ? static_cast<double>(images_) / seconds_ : 0.0;
}

void MetricsWindow::close(MetricsRecord& record) {
  const auto steps = static_cast<double>(std::max<std::uint64_t>(steps_, 1));
  record.loss = mean_loss();
  record.loss_sd = std::sqrt(std::max(0.0, loss_squared_ / steps - record.loss * record.loss));
  record.gradient_norm = norm_ / steps;
  record.clipped = static_cast<double>(clipped_) / steps;
  record.images_per_second = images_per_second();
  record.data_wait = seconds_ > 0 ? wait_ / seconds_ : 0.0;
  record.data_wait_seconds = wait_ / steps;
  record.reduction = seconds_ > 0 ? reduction_ / seconds_ : 0.0;
  const auto reductions = static_cast<double>(std::max<std::uint64_t>(reductions_, 1));
  record.comm_bytes = static_cast<double>(communication_.bytes) / reductions;
  record.comm_collectives = static_cast<double>(communication_.collectives) / reductions;
  record.comm_seconds = communication_.seconds / reductions;
  record.comm_exposed = communication_.exposed_seconds / reductions;
  record.checkpoint_stall = seconds_ > 0 ? stall_ / (seconds_ + stall_) : 0.0;
  *this = {};
}

}  // namespace pathline
