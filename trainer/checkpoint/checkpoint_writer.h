#pragma once
// Checkpoints written while training goes on: save() copies the tensors, which takes as long as copying memory, and one
// thread of low priority writes the copy. The rank that writes (0) has one; the others hold nothing.
//
// The copy's buffers are allocated at the first save() and used again: one more copy of weights, averages and moments,
// never two, because a save() while the one before is still being written waits for it. An error of the thread is kept
// and thrown by whichever of check(), save() and finish() is called next. Ownership: owns thread and copy; the
// destructor waits until the last checkpoint is on disk. Thread-safety: the training thread only.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/background_task.h"
#include "core/trace.h"
#include "trainer/checkpoint/checkpoint.h"

namespace pathline {

/// What a finished checkpoint has cost.
struct CheckpointReport {
  std::string name;         ///< "step-000000050"
  double stall = 0;         ///< seconds that save() took
  double seconds = 0;       ///< from the first byte to the last fsync, old checkpoints removed
  std::uint64_t bytes = 0;  ///< of its files
};

/// "checkpoint step-000000050: stall 0.01 s, written in 0.40 s, 17.3 MB"
std::string report_text(const CheckpointReport& report);

class CheckpointWriter {
 public:
  /// Writes one checkpoint and returns its folder.
  using Write = std::function<std::filesystem::path(const CheckpointContents&)>;

  /// Checkpoints go into `folder`, of which the newest `keep` stay (CheckpointRetention). `background` false: save()
  /// itself writes, without a copy. Either way the files are the same. `trace` may be null.
  CheckpointWriter(const std::filesystem::path& folder, std::int64_t keep, bool background, TraceWriter* trace);
  /// With `write` in place of write_checkpoint() and CheckpointRetention.
  CheckpointWriter(Write write, bool background, TraceWriter* trace);
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// The tensors may change as soon as this returns.
  void save(const CheckpointContents& contents);
  /// Throws the error of the checkpoint before, once; does not wait.
  void check();
  /// Waits until nothing is being written any more, then check().
  void finish();
  /// Of the checkpoints that have reached the disk since the last call.
  std::vector<CheckpointReport> take_reports();

 private:
  CheckpointReport write(const CheckpointContents& contents) const;
  void report(CheckpointReport finished, double stall);

  const Write write_;
  TraceWriter* const trace_;
  CheckpointContents snapshot_;  // used by one thread at a time: training fills it while the task is idle
  std::mutex reports_mutex_;
  std::vector<CheckpointReport> reports_;
  std::optional<BackgroundTask> task_;  // last: its thread uses the rest
};

}  // namespace pathline
