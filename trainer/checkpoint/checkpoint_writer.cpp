#include "trainer/checkpoint/checkpoint_writer.h"

#include <memory>
#include <system_error>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "trainer/checkpoint/retention.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

constexpr int kNiceness = 10;  // a tenth of a core where training wants all of them
constexpr const char* kTraceCategory = "checkpoint";

/// Makes `copy` hold the values of `source` on the CPU, in tensors of its own, which it keeps as long as they fit.
/// Contiguous, as files store them: to rearrange them later, in the writing thread, would start a second pool of
/// compute threads there.
void copy_into(const NamedTensors& source, NamedTensors& copy) {
  copy.resize(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    const auto& [name, tensor] = source[i];
    auto& [kept_name, kept] = copy[i];
    kept_name = name;
    if (!kept.defined() || kept.sizes() != tensor.sizes() || kept.scalar_type() != tensor.scalar_type()) {
      kept = at::empty(tensor.sizes(), at::TensorOptions().dtype(tensor.scalar_type()).device(at::kCPU));
    }
    kept.copy_(tensor);
  }
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    std::error_code vanished;
    const auto size = entry->file_size(vanished);
    if (!vanished) bytes += size;
  }
  return bytes;
}

}  // namespace

std::string report_text(const CheckpointReport& report) {
  return fmt::format("checkpoint {}: stall {:.3f} s, written in {:.2f} s, {:.1f} MB", report.name, report.stall,
                     report.seconds, static_cast<double>(report.bytes) / 1e6);
}

CheckpointWriter::CheckpointWriter(const fs::path& folder, std::int64_t keep, bool background, TraceWriter* trace)
    : CheckpointWriter(
          [folder,
           retention = std::make_shared<CheckpointRetention>(folder, keep)](const CheckpointContents& contents) {
            fs::path written = write_checkpoint(folder, contents);
            retention->apply(written);
            return written;
          },
          background, trace) {}

CheckpointWriter::CheckpointWriter(Write write, bool background, TraceWriter* trace)
    : write_(std::move(write)), trace_(trace) {
  if (background) task_.emplace("checkpoint", kNiceness);
}

CheckpointWriter::~CheckpointWriter() {
  try {
    finish();
  } catch (const std::exception& error) {  // whatever ends the run is its one message
    log_warning(fmt::format("the last checkpoint could not be written: {}", error.what()));
  }
}

void CheckpointWriter::save(const CheckpointContents& contents) {
  const Stopwatch clock;
  finish();
  if (!task_) {
    CheckpointReport finished = write(contents);
    report(std::move(finished), clock.seconds());
    return;
  }
  {
    const TraceSpan span(trace_, "checkpoint snapshot", kTraceCategory);
    const at::NoGradGuard no_grad;
    snapshot_.state = contents.state;
    snapshot_.model = contents.model;
    snapshot_.config_ini = contents.config_ini;
    copy_into(contents.weights, snapshot_.weights);
    copy_into(contents.ema, snapshot_.ema);
    copy_into(contents.optimizer, snapshot_.optimizer);
  }
  task_->start([this, stall = clock.seconds()] {
    if (trace_ != nullptr) trace_->name_thread("checkpoint");
    report(write(snapshot_), stall);
  });
}

void CheckpointWriter::check() {
  if (task_) task_->rethrow_failure();
}

void CheckpointWriter::finish() {
  if (!task_) return;
  {
    const TraceSpan span(trace_, "wait for the checkpoint before", kTraceCategory);
    task_->wait();
  }
  task_->rethrow_failure();
}

std::vector<CheckpointReport> CheckpointWriter::take_reports() {
  const std::lock_guard lock(reports_mutex_);
  return std::exchange(reports_, {});
}

CheckpointReport CheckpointWriter::write(const CheckpointContents& contents) const {
  TraceSpan span(trace_, "checkpoint write", kTraceCategory);
  const Stopwatch clock;
  const fs::path folder = write_(contents);
  CheckpointReport finished{folder.filename().string(), 0, clock.seconds(), bytes_below(folder)};
  span.argument("step", static_cast<double>(contents.state.step));
  span.argument("bytes", static_cast<double>(finished.bytes));
  return finished;
}

void CheckpointWriter::report(CheckpointReport finished, double stall) {
  finished.stall = stall;
  const std::lock_guard lock(reports_mutex_);
  reports_.push_back(std::move(finished));
}

}  // namespace pathline
