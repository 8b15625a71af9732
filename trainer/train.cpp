#include "trainer/train.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "core/number_text.h"
#include "core/trace.h"
#include "data/read/reader.h"
#include "trainer/learner.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/learning_rate.h"
#include "trainer/parallel/agreement.h"
#include "trainer/run_output.h"
#include "trainer/step_result.h"
#include "trainer/train_setup.h"

namespace pathline {
namespace {

using parallel::Communicator;

/// This rank's share of the global batch: read, forward, backward, and the sum of all gradients, most of which is made
/// while backward runs. Never throws: peers wait in the next collective.
StepResult work_through_batch(Learner& learner, data::Reader& reader, const RunConfig& run, SampleLog* sample_log,
                              TraceWriter* trace) {
  StepResult step;
  const double waited = reader.seconds_waited();
  try {
    data::Batch batch;  // its memory goes back to the reader
    for (const std::uint64_t micro : learner.micro_batches()) {
      TraceSpan wait(trace, "data wait", "data");
      reader.next(batch);
      wait.end();
      if (sample_log != nullptr) sample_log->add(batch);
      if (!step.problem.empty()) continue;  // the step is lost, but the reader must stay in step
      TraceSpan pass(trace, "forward + backward", "compute");
      pass.argument("micro-batch", static_cast<double>(micro));
      MicroResult result = learner.accumulate(batch);
      step.loss_sum += result.loss_sum;
      step.samples += static_cast<double>(run.train.micro_batch);
      step.problem = std::move(result.problem);
    }
  } catch (...) {
    step.failure = parallel::serialize_current_exception();
  }
  try {
    const TraceSpan rest(trace, "reduction", "communication");
    std::string problem = learner.reduce();  // even now: peers wait for this rank's buckets
    if (step.problem.empty()) step.problem = std::move(problem);
  } catch (...) {
    if (step.failure.empty()) step.failure = parallel::serialize_current_exception();
  }
  step.data_wait_seconds = reader.seconds_waited() - waited;
  step.communication = learner.communication();
  return step;
}

/// Afterwards all ranks know the same of the step, the norm of the summed gradient included. Collective.
void agree_on_step_and_norm(StepResult& step, Learner& learner, Communicator& communicator, TraceWriter* trace) {
  const TraceSpan span(trace, "agreement", "communication");
  const Stopwatch clock;
  agree_on(step, communicator);
  if (!step.skip) step.gradient_norm = learner.gradient_norm();
  if (!std::isfinite(step.gradient_norm)) {  // the same on all ranks: the sum of finite gradients has overflowed
    step.skip = true;
    if (communicator.rank() == 0) step.problem = "the sum of all gradients is not finite";
  }
  step.reduction_seconds = clock.seconds() + step.communication.exposed_seconds;
}

/// Counts the step and carries it out.
void update(StepResult& step, Learner& learner, TrainState& state, const RunConfig& run, TraceWriter* trace) {
  const TraceSpan span(trace, "optimizer", "compute");
  const auto batch = static_cast<double>(run.train.global_batch);
  step.rates.learning_rate = learning_rate_at(run.optimizer.learning_rate, state.step, run.train.steps);
  ++state.step;
  state.ema_images += batch;
  step.rates.ema_beta = ema_beta(run.train.ema_halflife, run.train.ema_ramp, state.ema_images, batch);
  step.clipped = learner.update(step.gradient_norm, step.rates, state.step);
}

/// Forgets the step; too many in a row end the run. Collective.
void skip(const StepResult& step, std::uint64_t in_a_row, Learner& learner, RunOutput& output, TrainSetup& setup) {
  learner.discard();
  const std::string problems = gather_problems(step.problem, setup.communicator);
  output.warn_of_skipped_step(problems, in_a_row);
  if (in_a_row < setup.run.train.max_skipped) return;
  throw parallel::AgreedError(
      Error(ExitCode::numerical, fmt::format("{} steps in a row were not finite; the last one: {}", in_a_row, problems),
            {}, "lower optimizer.lr, or look at these samples; the last checkpoint is intact"),
      fmt::format("step {}", setup.state.step + 1));
}

/// The loop. Collective.
TrainOutcome run_steps(TrainSetup& setup, const TrainCallbacks& callbacks) {
  const RunConfig& run = setup.run;
  TrainState& state = setup.state;
  TraceWriter* const trace = setup.trace();
  Learner learner(run, setup.shards->info(), *setup.model);
  data::Reader reader(*setup.shards, setup.reading());
  RunOutput output(setup, callbacks.preview);
  std::uint64_t skipped_in_a_row = 0;

  while (state.step < run.train.steps) {
    TraceSpan span(trace, "step", "step");
    StepResult step = work_through_batch(learner, reader, run, output.sample_log(), trace);
    if (step.failure.empty()) step.failure = output.take_failure();
    step.stop = callbacks.stop_requested && callbacks.stop_requested();
    agree_on_step_and_norm(step, learner, setup.communicator, trace);
    state.position += run.train.global_batch;
    if (step.skip) {
      skip(step, ++skipped_in_a_row, learner, output, setup);
    } else {
      skipped_in_a_row = 0;
      update(step, learner, state, run, trace);
    }
    span.argument("step", static_cast<double>(state.step));
    span.end();
    output.after_step(step);
    if (step.stop && state.step < run.train.steps) {
      output.finish();
      if (setup.first_rank()) {
        log_info(fmt::format("stopped on request after step {} of {}; the same command goes on from here", state.step,
                             run.train.steps));
      }
      return TrainOutcome::stopped;
    }
  }

  output.finish();
  if (setup.first_rank()) {
    log_info(fmt::format("trained to step {} = {} images in {}; checkpoint in {}", grouped(state.step),
                         grouped(state.position), duration_text(output.seconds()), run.checkpoint.dir.string()));
  }
  return TrainOutcome::finished;
}

}  // namespace

TrainOutcome train(const Config& config, Communicator& communicator, const TrainCallbacks& callbacks,
                   const TrainOptions& options) {
  TrainSetup setup(config, communicator, options);
  if (options.dry_run) return TrainOutcome::dry_run;
  if (setup.state.step >= setup.run.train.steps) {
    if (setup.first_rank()) {
      log_info(fmt::format("already trained to step {} of {}: nothing to do (raise train.steps to go on)",
                           setup.state.step, setup.run.train.steps));
    }
    return TrainOutcome::already_finished;
  }
  return run_steps(setup, callbacks);
}

}  // namespace pathline
