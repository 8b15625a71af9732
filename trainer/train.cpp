#include "trainer/train.h"

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "core/trace.h"
#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "trainer/checkpoint/checkpoint_writer.h"
#include "trainer/checkpoint/model_json.h"
#include "trainer/checkpoint/resume.h"
#include "trainer/learner.h"
#include "trainer/log/progress.h"
#include "trainer/log/run_facts.h"
#include "trainer/log/run_log.h"
#include "trainer/log/sample_log.h"
#include "trainer/optim/ema.h"
#include "trainer/optim/learning_rate.h"
#include "trainer/output_folders.h"
#include "trainer/run_config.h"

namespace pathline {
namespace {

using parallel::Communicator;
using parallel::together;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What one step gave on this rank, and, after agree_on(), on all ranks.
struct StepResult {
  double loss_sum = 0, samples = 0;
  std::string problem;  ///< what was not finite here; the step is skipped by all
  std::string failure;  ///< serialized exception; all ranks end
  bool skip = false, stop = false;
};

/// This rank's share of the global batch, forward and backward, and the sum of all gradients, most of which is made
/// while backward runs. Never throws: peers wait in the next collective.
StepResult work_through_batch(Learner& learner, data::Reader& reader, std::uint64_t micro_batches,
                              std::uint64_t batch_size, TraceWriter* trace, SampleLog* sample_log) {
  StepResult result;
  try {
    data::Batch batch;  // its memory goes back to the reader
    for (std::uint64_t i = 0; i < micro_batches; ++i) {
      TraceSpan wait(trace, "data wait", "data");
      reader.next(batch);
      wait.end();
      if (sample_log != nullptr) sample_log->add(batch);
      if (!result.problem.empty()) continue;  // the step is lost, but the reader must stay in step
      TraceSpan pass(trace, "forward + backward", "compute");
      pass.argument("micro-batch", static_cast<double>(batch.micro_index));
      const MicroResult micro = learner.accumulate(batch);
      result.loss_sum += micro.loss_sum;
      result.samples += static_cast<double>(batch_size);
      result.problem = micro.problem;
    }
  } catch (...) {
    result.failure = parallel::serialize_current_exception();
  }
  try {
    const TraceSpan rest(trace, "reduction", "communication");
    const std::string problem = learner.reduce();  // even now: peers wait for this rank's buckets
    if (result.problem.empty()) result.problem = problem;
  } catch (...) {
    if (result.failure.empty()) result.failure = parallel::serialize_current_exception();
  }
  return result;
}

/// An error of the thread that writes checkpoints ends the run like one of the step.
void note_failure(StepResult& result, CheckpointWriter& writer) {
  if (!result.failure.empty()) return;  // one message is enough; the writer's destructor warns of the other
  try {
    writer.check();
  } catch (...) {
    result.failure = parallel::serialize_current_exception();
  }
}

/// The one scalar all-reduce of a step. Afterwards every rank knows the same and decides alike.
void agree_on(StepResult& result, Communicator& communicator) {
  const bool skip = !result.problem.empty();
  double sums[] = {skip ? 0.0 : result.loss_sum, result.samples, skip ? 1.0 : 0.0, result.stop ? 1.0 : 0.0,
                   result.failure.empty() ? 0.0 : 1.0};
  communicator.all_reduce_sum(std::span<double>(sums));
  result.loss_sum = sums[0];
  result.samples = sums[1];
  result.skip = sums[2] > 0;
  result.stop = sums[3] > 0;
  if (sums[4] > 0) parallel::agree(communicator, result.failure);  // throws on every rank
}

/// "rank 1: the loss is not finite for sample(s) 17, 512; rank 3: …". Collective.
std::string gather_problems(const std::string& problem, Communicator& communicator) {
  std::string all;
  const std::vector<std::string> problems = communicator.all_gather(problem);
  for (std::size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    if (!all.empty()) all += "; ";
    if (communicator.size() > 1) all += fmt::format("rank {}: ", rank);
    all += problems[rank];
  }
  return all;
}

/// Weights that differ between ranks mean that from here on the ranks train different networks. Collective.
void check_same_weights(const Learner& learner, Communicator& communicator, const char* when) {
  const std::uint64_t hash = learner.weights_hash();
  const auto high = static_cast<double>(hash >> 32), low = static_cast<double>(hash & 0xFFFFFFFF);
  double extremes[] = {high, low, -high, -low};
  communicator.all_reduce_max(extremes);
  if (extremes[0] == -extremes[2] && extremes[1] == -extremes[3]) return;
  throw parallel::AgreedError(
      Error(ExitCode::peer, fmt::format("the ranks hold different weights {}", when), {},
            "are all ranks the same program with the same libraries, on the same kind of processor?"),
      fmt::format("{} ranks", communicator.size()));
}

/// Rank 0's resume point for everybody; leaves the learner restored. Collective.
TrainState resume(const RunConfig& run, const Config& config, const data::ShardSet& shards, bool fresh,
                  Learner& learner, Communicator& communicator) {
  TrainState state;
  state.seed = run.seed;
  ModelDescription model;
  std::string message;
  together(communicator, [&] {
    if (communicator.rank() != 0) return;
    const auto checkpoint = find_resume_point(run, config, shards.content_hash(), fresh);
    if (!checkpoint) return;
    learner.restore(*checkpoint);
    state = checkpoint->state;
    state.seed = run.seed;  // imported weights bring none
    message = to_json(state, model);
  });
  std::uint64_t length = message.size();
  communicator.broadcast(&length, sizeof length, 0);
  if (length == 0) return state;
  message.resize(length);
  communicator.broadcast(message.data(), length, 0);
  from_json(message, "resume point of rank 0", state, model);
  learner.broadcast();
  return state;
}

}  // namespace

TrainOutcome train(const Config& config, Communicator& communicator, const TrainCallbacks& callbacks,
                   const TrainOptions& options) {
  const bool first_rank = communicator.rank() == 0;
  const int cores = host_cores(communicator);

  // Settings, data, network
  // -----------------------------------------------------------------------------------------------------
  RunConfig run;
  std::optional<data::ShardSet> shards;
  std::optional<TraceWriter> tracer;  // before all that it watches, which must not outlive it
  std::optional<Learner> learner;
  std::optional<OutputFolders> folders;
  together(communicator, [&] {
    run = resolve_run_config(config, communicator.size(), communicator.local_size(), cores);
    shards = data::ShardSet::open(run.shards, {false, run.data_backend, run.cache_bytes});
    fit_to_data(run, config, shards->info());
    at::set_num_threads(run.threads);
    folders.emplace(run, communicator.rank(), options.dry_run);
    if (!run.trace_dir.empty() && !options.dry_run) {
      tracer.emplace(run.trace_dir / fmt::format("trace-rank{}.json", communicator.rank()), communicator.rank(),
                     fmt::format("rank {}", communicator.rank()));
      tracer->name_thread("training");
    }
  });
  TraceWriter* const trace = tracer ? &*tracer : nullptr;
  learner.emplace(run, shards->info(), communicator, options.device, trace);
  ModelDescription model;
  model.network = run.network;
  model.class_names = shards->info().class_names;
  model.mean = shards->info().mean;
  model.scale = shards->info().scale;
  model.dtype = shards->info().dtype;
  model.data_hash = shards->content_hash();
  model.path = run.path;
  check_same_weights(*learner, communicator, "at the start");

  // Where to begin
  // --------------------------------------------------------------------------------------------------------------
  TrainState state = resume(run, config, *shards, options.fresh, *learner, communicator);
  Facts facts = collect_facts(run, *shards, learner->parameter_count(), state, communicator, options.device.str());
  facts.insert(facts.end(), options.versions.begin(), options.versions.end());
  if (first_rank) log_info("training with\n" + facts_table(facts, config));
  warn_of_binding(run, communicator);
  if (options.dry_run) return TrainOutcome::dry_run;
  if (state.step >= run.steps) {
    if (first_rank) {
      log_info(fmt::format("already trained to step {} of {}: nothing to do (raise train.steps to go on)", state.step,
                           run.steps));
    }
    return TrainOutcome::already_finished;
  }

  const data::BatchPlan plan{run.global_batch, run.micro_batch, communicator.rank(), communicator.size()};
  data::ReaderOptions reading;
  reading.seed = run.seed;
  reading.first_batch = state.position / run.global_batch;
  reading.plan = plan;
  reading.threads = run.data_threads;
  reading.prefetch = run.prefetch;
  reading.prefetch_bytes = run.prefetch_bytes;
  reading.shuffle = run.shuffle;
  data::Reader reader(*shards, reading);
  std::optional<RunLog> log;
  std::optional<SampleLog> sample_log;
  together(communicator, [&] {
    if (first_rank) log.emplace(run, state.step, facts);
    if (!run.sample_log.empty()) sample_log.emplace(run.sample_log, communicator.rank());
  });
  std::optional<CheckpointWriter> writer;
  if (first_rank) writer.emplace(run.checkpoint_dir, run.keep, run.checkpoint_async, trace);
  Progress progress(first_rank);
  MetricsWindow window, rate;  // since the last record; since the last progress line
  const Clock::time_point start = Clock::now();
  double waited_before = reader.seconds_waited();
  std::uint64_t skipped = 0, skipped_in_a_row = 0;
  std::optional<std::uint64_t> saved_step;
  if (state.step > 0) saved_step = state.step;

  const auto save = [&] {
    // A step that was skipped since leaves the same step number: the checkpoint that exists is as good, resuming skips
    // it again.
    if (saved_step == state.step) return;
    const Clock::time_point save_start = Clock::now();
    check_same_weights(*learner, communicator, fmt::format("after step {}", state.step).c_str());
    CheckpointContents contents;
    learner->describe(contents);
    together(communicator, [&] {
      if (!writer) return;
      contents.state = state;
      contents.model = model;
      contents.config_ini = config.to_ini();
      writer->save(contents);
    });
    saved_step = state.step;
    window.add_stall(seconds_since(save_start));
  };
  const auto report_checkpoints = [&] {
    if (!writer) return;
    for (const CheckpointReport& report : writer->take_reports()) {
      progress.clear();
      log_info(report_text(report));
    }
  };
  /// The end of a run that has nothing against it: the last checkpoint is whole on disk when this returns.
  const auto save_and_finish = [&] {
    save();
    together(communicator, [&] {
      if (writer) writer->finish();
    });
    report_checkpoints();
    together(communicator, [&] {
      if (trace != nullptr) trace->write();
    });
    progress.clear();
  };

  // The loop
  // --------------------------------------------------------------------------------------------------------------------
  while (state.step < run.steps) {
    const Clock::time_point step_start = Clock::now();
    TraceSpan step_span(trace, "step", "step");
    StepResult result = work_through_batch(*learner, reader, plan.last_micro() - plan.first_micro(), run.micro_batch,
                                           trace, sample_log ? &*sample_log : nullptr);
    if (writer) note_failure(result, *writer);
    result.stop = callbacks.stop_requested && callbacks.stop_requested();

    const Clock::time_point agreement_start = Clock::now();
    TraceSpan agreement_span(trace, "agreement", "communication");
    agree_on(result, communicator);
    double gradient_norm = 0;
    if (!result.skip) {
      gradient_norm = learner->gradient_norm();
      if (!std::isfinite(gradient_norm)) {  // the same on all ranks: the sum of finite gradients has overflowed
        result.skip = true;
        if (first_rank) result.problem = "the sum of all gradients is not finite";
      }
    }
    const parallel::CommunicationCounters& communication = learner->communication();
    const double reduction_seconds = seconds_since(agreement_start) + communication.exposed_seconds;
    agreement_span.end();

    state.position += run.global_batch;
    if (result.skip) {
      learner->discard();
      ++skipped;
      ++skipped_in_a_row;
      const std::string problems = gather_problems(result.problem, communicator);
      progress.clear();
      if (first_rank)
        log_warning(fmt::format("step {} skipped ({} in a row): {}", state.step + 1, skipped_in_a_row, problems));
      if (skipped_in_a_row >= run.max_skipped) {
        throw parallel::AgreedError(
            Error(ExitCode::numerical,
                  fmt::format("{} steps in a row were not finite; the last one: {}", skipped_in_a_row, problems), {},
                  "lower optimizer.lr, or look at these samples; the last checkpoint is intact"),
            fmt::format("step {}", state.step + 1));
      }
    } else {
      skipped_in_a_row = 0;
      const double learning_rate = learning_rate_at(run.learning_rate, state.step, run.steps);
      ++state.step;
      state.ema_images += static_cast<double>(run.global_batch);
      const double beta =
          ema_beta(run.ema_halflife, run.ema_ramp, state.ema_images, static_cast<double>(run.global_batch));
      TraceSpan optimizer_span(trace, "optimizer", "compute");
      const bool clipped = learner->update(gradient_norm, learning_rate, state.step, beta);
      optimizer_span.end();

      const double loss = result.loss_sum / result.samples;
      window.add_step(loss, gradient_norm, clipped);
      rate.add_step(loss, gradient_norm, clipped);
    }
    if (sample_log) sample_log->flush();
    const double waited = reader.seconds_waited() - waited_before;
    waited_before += waited;
    for (MetricsWindow* each : {&window, &rate}) {
      each->add_time(run.global_batch, seconds_since(step_start), reduction_seconds, waited);
      each->add_communication(communication);
    }
    step_span.argument("step", static_cast<double>(state.step));
    step_span.end();

    // Records, pictures, checkpoints: rank 0 writes, all learn of a failure.
    const bool last = state.step == run.steps;
    if (!result.skip && (state.step % run.log_every == 0 || last)) {
      double memory[] = {peak_memory_mb()};
      communicator.all_reduce_max(memory);
      MetricsRecord record;
      window.close(record);
      record.step = state.step;
      record.images = state.position;
      record.epoch = static_cast<double>(state.position) / static_cast<double>(shards->size());
      record.learning_rate = learning_rate_at(run.learning_rate, state.step - 1, run.steps);
      record.ema_beta =
          ema_beta(run.ema_halflife, run.ema_ramp, state.ema_images, static_cast<double>(run.global_batch));
      record.skipped = skipped;
      record.seconds = seconds_since(start);
      record.peak_memory_mb = memory[0];
      together(communicator, [&] {
        if (log) log->record(record);
      });
    }
    if (!result.skip && run.preview_every > 0 && callbacks.preview && (state.step % run.preview_every == 0 || last)) {
      learner->collect_average();
      const TraceSpan preview_span(trace, "preview", "log");
      together(communicator, [&] {
        if (log) log->preview(callbacks.preview(learner->ema_network(), model, state.step), state.step);
      });
    }
    if (!result.skip && run.checkpoint_every > 0 && state.step % run.checkpoint_every == 0) save();
    report_checkpoints();
    if (rate.steps() > 0 && (progress.due() || (first_rank && last))) {
      const double speed = rate.images_per_second();
      const double images_left = static_cast<double>((run.steps - state.step) * run.global_batch);
      progress.update({state.step, run.steps, state.position, rate.mean_loss(),
                       learning_rate_at(run.learning_rate, state.step - 1, run.steps), speed, images_left / speed});
      if (rate.steps() >= 20) rate = {};
    }

    if (result.stop && !last) {
      save_and_finish();
      if (first_rank) {
        log_info(fmt::format("stopped on request after step {} of {}; the same command goes on from here", state.step,
                             run.steps));
      }
      return TrainOutcome::stopped;
    }
  }

  save_and_finish();
  if (first_rank) {
    log_info(fmt::format("trained to step {} = {} images in {}; checkpoint in {}", grouped(state.step),
                         grouped(state.position), duration_text(seconds_since(start)), run.checkpoint_dir.string()));
  }
  return TrainOutcome::finished;
}

}  // namespace pathline
