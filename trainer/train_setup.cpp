#include "trainer/train_setup.h"

#include <string>

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "core/log.h"
#include "trainer/checkpoint/model_json.h"
#include "trainer/checkpoint/resume.h"
#include "trainer/parallel/agreement.h"

namespace pathline {
namespace {

using parallel::together;

/// Settings and data, and what the run writes from the start. Collective.
void open_inputs(TrainSetup& setup, const TrainOptions& options) {
  const int cores = host_cores(setup.communicator), rank = setup.communicator.rank();
  together(setup.communicator, [&] {
    RunConfig& run = setup.run;
    run = resolve_run_config(setup.config, setup.communicator.size(), setup.communicator.local_size(), cores);
    setup.shards = data::ShardSet::open(run.data.shards, {false, run.data.backend, run.data.cache_bytes()});
    fit_to_data(run, setup.config, setup.shards->info());
    at::set_num_threads(run.train.threads);
    setup.folders.emplace(run, rank, options.dry_run);
    if (!run.log.trace.empty() && !options.dry_run) {
      setup.tracer.emplace(run.log.trace / fmt::format("trace-rank{}.json", rank), rank, fmt::format("rank {}", rank));
      setup.tracer->name_thread("training");
    }
  });
}

ModelDescription describe_model(const RunConfig& run, const data::ShardSet& shards) {
  ModelDescription model;
  model.network = run.network;
  model.class_names = shards.info().class_names;
  model.mean = shards.info().mean;
  model.scale = shards.info().scale;
  model.dtype = shards.info().dtype;
  model.data_hash = shards.content_hash();
  model.flow = run.flow;
  return model;
}

/// Rank 0's resume point for everybody; leaves the model restored. Collective.
TrainState resume(TrainSetup& setup, bool fresh) {
  TrainState state;
  state.seed = setup.run.train.seed;
  ModelDescription model;
  std::string message;
  together(setup.communicator, [&] {
    if (!setup.first_rank()) return;
    const auto checkpoint = find_resume_point(setup.run, setup.config, setup.shards->content_hash(), fresh);
    if (!checkpoint) return;
    setup.model->restore(*checkpoint);
    state = checkpoint->state;
    state.seed = setup.run.train.seed;  // imported weights bring none
    message = to_json(state, checkpoint->model);
  });
  std::uint64_t length = message.size();
  setup.communicator.broadcast(&length, sizeof length, 0);
  if (length == 0) return state;
  message.resize(length);
  setup.communicator.broadcast(message.data(), length, 0);
  from_json(message, "resume point of rank 0", state, model);
  setup.model->broadcast();
  return state;
}

}  // namespace

ModelStateSettings model_state_settings(const RunConfig& run, TraceWriter* trace) {
  ModelStateSettings settings;
  settings.network = run.network;
  settings.seed = run.train.seed;
  settings.optimizer = run.optimizer.rule;
  settings.micro_batches = run.train.global_batch / run.train.micro_batch;
  settings.engine.reduction = run.parallel.reduction;
  settings.engine.trace = trace;
  settings.engine.overlap = run.parallel.overlap;
  settings.engine.to_owners = run.parallel.shard_optimizer;
  settings.engine.compression =
      run.parallel.compress_gradients ? parallel::Compression::bf16 : parallel::Compression::none;
  settings.engine.first_bucket_bytes = run.parallel.first_bucket_bytes();
  settings.engine.bucket_bytes = run.parallel.bucket_bytes();
  return settings;
}

TrainSetup::TrainSetup(const Config& config, parallel::Communicator& communicator, const TrainOptions& options)
    : config(config), communicator(communicator) {
  open_inputs(*this, options);
  model.emplace(model_state_settings(run, trace()), communicator, options.device);
  model->check_same_weights("at the start");
  description = describe_model(run, *shards);
  state = resume(*this, options.fresh);
  facts = collect_facts(run, *shards, model->parameter_count(), state, communicator, options.device.str());
  facts.insert(facts.end(), options.versions.begin(), options.versions.end());
  if (first_rank()) log_info("training with\n" + facts_table(facts, config));
  warn_of_binding(run, communicator);
}

data::ReaderOptions TrainSetup::reading() const {
  data::ReaderOptions options;
  options.seed = run.train.seed;
  options.first_batch = state.position / run.train.global_batch;
  options.plan = {run.train.global_batch, run.train.micro_batch, communicator.rank(), communicator.size()};
  options.threads = run.data.threads;
  options.prefetch = run.data.prefetch;
  options.prefetch_bytes = run.data.prefetch_bytes();
  options.shuffle = run.data.shuffle;
  return options;
}

}  // namespace pathline
