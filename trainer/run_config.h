#pragma once
// The settings of a training run: the schema of all configuration keys, and their checked values, one struct per
// section. `run.SECTION.KEY` is the key SECTION.KEY; each section is declared beside those who use it, and names there,
// once, each of its keys with range, effect on a resumed run and meaning (core/config_fields.h).
//
// docs/configuration.md is written from the schema. Thread-safety: plain values; methods are shared and never changed.

#include "core/config.h"
#include "data/read/reading_config.h"
#include "flow/flow_config.h"
#include "flow/networks/network_settings.h"
#include "trainer/checkpoint/checkpoint_config.h"
#include "trainer/log/log_config.h"
#include "trainer/optim/optimizer_config.h"
#include "trainer/parallel_config.h"
#include "trainer/train_config.h"

namespace pathline {

/// The one schema of training configurations; lives as long as the program (a Config refers to it).
const ConfigSchema& train_schema();

struct RunConfig {
  data::ReadingConfig data;
  flow::NetworkSettings network;  ///< its shape comes from the data: fit_to_data()
  flow::FlowSpec flow;
  OptimizerConfig optimizer;
  TrainConfig train;
  ParallelConfig parallel;
  CheckpointConfig checkpoint;
  LogConfig log;
};

/// [network] and [flow] as network settings, without a look at any data. Throws Error(usage) for keys that do not fit
/// together.
flow::NetworkSettings network_settings(const Config& config);

/// All sections. `ranks`, `local_ranks`, `cores`: of this job; they resolve train.micro_batch = 0 and train.threads =
/// 0. Throws Error(usage) at the key's place for values that do not fit together, with what would.
RunConfig resolve_run_config(const Config& config, int ranks, int local_ranks, int cores);

/// Fills in what samples are, and checks the data against [network] and [train]: Error(usage).
void fit_to_data(RunConfig& run, const Config& config, const data::DatasetInfo& data);

}  // namespace pathline
