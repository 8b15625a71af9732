#pragma once
// What a run leaves behind while it goes on: records, previews, checkpoints, the progress line. Rank 0 writes; a
// failure is one on all ranks. None of it changes what is trained.
//
// Ownership: borrows the set-up. Thread-safety: the training thread only; whatever is said to be collective is called
// by all ranks alike.

#include <cstdint>
#include <optional>
#include <string>

#include "core/progress_line.h"
#include "core/stopwatch.h"
#include "trainer/checkpoint/checkpoint_writer.h"
#include "trainer/log/metrics_window.h"
#include "trainer/log/run_log.h"
#include "trainer/log/sample_log.h"
#include "trainer/step_result.h"
#include "trainer/train_setup.h"

namespace pathline {

class RunOutput {
 public:
  /// Opens the files. `preview` may be empty. Collective.
  RunOutput(TrainSetup& setup, TrainCallbacks::Preview preview);

  /// Null: none is kept.
  SampleLog* sample_log() { return sample_log_ ? &*sample_log_ : nullptr; }
  /// An error of the thread that writes checkpoints, serialized, or "". It ends the run like one of the step.
  std::string take_failure();
  /// A step that all ranks have skipped, the `in_a_row`th one after another.
  void warn_of_skipped_step(const std::string& problems, std::uint64_t in_a_row);
  /// All that is due after a step, skipped or not. Collective.
  void after_step(const StepResult& step);
  /// The end of a run that has nothing against it: the last checkpoint is whole on disk when this returns. Collective.
  void finish();

  double seconds() const { return clock_.seconds(); }

 private:
  bool last_step() const { return setup_.state.step == setup_.run.train.steps; }
  /// Whether something comes due `every` steps; 0: never.
  bool due(std::uint64_t every) const { return every > 0 && setup_.state.step % every == 0; }
  void count(const StepResult& step);
  void record(const StepRates& rates);
  void preview();
  void save();
  void report_checkpoints();
  void show_progress();

  TrainSetup& setup_;
  const TrainCallbacks::Preview preview_;
  const Stopwatch clock_;
  std::optional<RunLog> log_;               // rank 0's
  std::optional<SampleLog> sample_log_;     // every rank's
  std::optional<CheckpointWriter> writer_;  // rank 0's
  ProgressLine progress_;
  MetricsWindow since_record_, since_progress_;
  double learning_rate_ = 0;  // of the last step that was carried out
  std::uint64_t skipped_ = 0;
  std::optional<std::uint64_t> saved_step_;
};

}  // namespace pathline
