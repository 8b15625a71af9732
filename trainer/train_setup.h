#pragma once
// What a run needs before its first step: checked settings, data, the model with its state, where to begin.
//
// Ownership: borrows configuration and communicator. Thread-safety: the training thread only.

#include <optional>

#include "core/config.h"
#include "core/trace.h"
#include "data/read/reader.h"
#include "data/shards/shard_set.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/log/run_facts.h"
#include "trainer/model_state.h"
#include "trainer/output_folders.h"
#include "trainer/run_config.h"
#include "trainer/train.h"

namespace pathline {

struct TrainSetup {
  /// Errors are agreed on. A dry run (options.dry_run) writes nothing and locks nothing. Collective.
  TrainSetup(const Config& config, parallel::Communicator& communicator, const TrainOptions& options);

  TraceWriter* trace() { return tracer ? &*tracer : nullptr; }
  bool first_rank() const { return communicator.rank() == 0; }
  /// The micro-batches of this rank, from where the run begins.
  data::ReaderOptions reading() const;

  const Config& config;
  parallel::Communicator& communicator;
  RunConfig run;
  std::optional<data::ShardSet> shards;
  std::optional<TraceWriter> tracer;  // before all that it watches, which must not outlive it
  std::optional<ModelState> model;
  std::optional<OutputFolders> folders;
  ModelDescription description;
  TrainState state;
  Facts facts;
};

ModelStateSettings model_state_settings(const RunConfig& run, TraceWriter* trace);

}  // namespace pathline
