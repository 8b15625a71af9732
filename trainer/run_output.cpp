#include "trainer/run_output.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "trainer/log/progress.h"
#include "trainer/parallel/agreement.h"

namespace pathline {
namespace {

using parallel::together;

constexpr std::chrono::seconds kPauseBetweenLines{15};
constexpr std::uint64_t kStepsOfSpeed = 20;  // from then on the speed shown is measured anew

}  // namespace

RunOutput::RunOutput(TrainSetup& setup, TrainCallbacks::Preview preview)
    : setup_(setup), preview_(std::move(preview)), progress_(setup.first_rank(), kPauseBetweenLines) {
  const RunConfig& run = setup.run;
  together(setup.communicator, [&] {
    if (setup.first_rank()) log_.emplace(run, setup.state.step, setup.facts);
    if (!run.log.samples.empty()) sample_log_.emplace(run.log.samples, setup.communicator.rank());
  });
  if (setup.first_rank()) writer_.emplace(run.checkpoint.dir, run.checkpoint.keep, run.checkpoint.async, setup.trace());
  if (setup.state.step > 0) saved_step_ = setup.state.step;
}

std::string RunOutput::take_failure() {
  try {
    if (writer_) writer_->check();
    return {};
  } catch (...) {
    return parallel::serialize_current_exception();
  }
}

void RunOutput::warn_of_skipped_step(const std::string& problems, std::uint64_t in_a_row) {
  ++skipped_;
  progress_.end();
  if (!setup_.first_rank()) return;
  log_warning(fmt::format("step {} skipped ({} in a row): {}", setup_.state.step + 1, in_a_row, problems));
}

void RunOutput::after_step(const StepResult& step) {
  const RunConfig& run = setup_.run;
  if (sample_log_) sample_log_->flush();
  count(step);
  if (!step.skip) {
    learning_rate_ = step.rates.learning_rate;
    if (due(run.log.every) || last_step()) record(step.rates);
    if (preview_ && run.log.preview_every > 0 && (due(run.log.preview_every) || last_step())) preview();
    if (due(run.checkpoint.every)) save();
  }
  report_checkpoints();
  show_progress();
}

void RunOutput::finish() {
  save();
  together(setup_.communicator, [&] {
    if (writer_) writer_->finish();
  });
  report_checkpoints();
  together(setup_.communicator, [&] {
    if (setup_.trace() != nullptr) setup_.trace()->write();
  });
  progress_.end();
}

void RunOutput::count(const StepResult& step) {
  for (MetricsWindow* window : {&since_record_, &since_progress_}) {
    if (!step.skip) window->add_step(step.loss(), step.gradient_norm, step.clipped);
    window->add_time(setup_.run.train.global_batch, step.clock.seconds(), step.reduction_seconds,
                     step.data_wait_seconds);
    window->add_communication(step.communication);
  }
}

void RunOutput::record(const StepRates& rates) {
  double memory[] = {peak_memory_mb()};
  setup_.communicator.all_reduce_max(memory);
  MetricsRecord record;
  since_record_.close(record);
  record.step = setup_.state.step;
  record.images = setup_.state.position;
  record.epoch = static_cast<double>(setup_.state.position) / static_cast<double>(setup_.shards->size());
  record.learning_rate = rates.learning_rate;
  record.ema_beta = rates.ema_beta;
  record.skipped = skipped_;
  record.seconds = clock_.seconds();
  record.peak_memory_mb = memory[0];
  together(setup_.communicator, [&] {
    if (log_) log_->record(record);
  });
}

void RunOutput::preview() {
  setup_.model->collect_averages();
  const TraceSpan span(setup_.trace(), "preview", "log");
  together(setup_.communicator, [&] {
    if (!log_) return;
    const std::uint64_t step = setup_.state.step;
    log_->preview(preview_(setup_.model->averaged_network(), setup_.description, step), step);
  });
}

void RunOutput::save() {
  // A step that was skipped since leaves the same step number: the checkpoint that exists is as good, resuming skips it
  // again.
  if (saved_step_ == setup_.state.step) return;
  const Stopwatch stall;
  setup_.model->check_same_weights(fmt::format("after step {}", setup_.state.step));
  CheckpointContents contents;
  setup_.model->describe(contents);
  together(setup_.communicator, [&] {
    if (!writer_) return;
    contents.state = setup_.state;
    contents.model = setup_.description;
    contents.config_ini = setup_.config.to_ini();
    writer_->save(contents);
  });
  saved_step_ = setup_.state.step;
  since_record_.add_stall(stall.seconds());
}

void RunOutput::report_checkpoints() {
  if (!writer_) return;
  for (const CheckpointReport& report : writer_->take_reports()) {
    progress_.end();
    log_info(report_text(report));
  }
}

void RunOutput::show_progress() {
  if (since_progress_.steps() == 0) return;
  if (!progress_.due() && !(setup_.first_rank() && last_step())) return;
  const RunConfig& run = setup_.run;
  const TrainState& state = setup_.state;
  const double speed = since_progress_.images_per_second();
  const auto images_left = static_cast<double>((run.train.steps - state.step) * run.train.global_batch);
  progress_.show(progress_text({state.step, run.train.steps, state.position, since_progress_.mean_loss(),
                                learning_rate_, speed, images_left / speed}));
  if (since_progress_.steps() >= kStepsOfSpeed) since_progress_ = {};
}

}  // namespace pathline
