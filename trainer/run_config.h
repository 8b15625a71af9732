#pragma once
// The settings of a training run: the schema of all configuration keys, and the checked values as plain numbers.
//
// docs/configuration.md is written from the schema's texts; `pathline train --help` prints them. Thread-safety: plain
// values.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "data/read/sample_order.h"
#include "data/shards/shard_set.h"
#include "flow/flow_spec.h"
#include "flow/networks/network.h"
#include "trainer/optim/learning_rate.h"
#include "trainer/optim/optimizer.h"

namespace pathline {

/// The one schema of training configurations; lives as long as the program (a Config refers to it).
const ConfigSchema& train_schema();

struct RunConfig {
  // [data]
  std::filesystem::path shards;
  int data_threads = 2, prefetch = 4;
  std::uint64_t prefetch_bytes = 0, cache_bytes = 0;
  data::ReadBackend data_backend = data::ReadBackend::pread;
  data::Shuffle shuffle;
  // [network]; image_* come from the data
  flow::NetworkSettings network;
  // [flow]
  flow::FlowSpec flow;
  // [optimizer]
  std::shared_ptr<const Optimizer> optimizer;
  LearningRateSettings learning_rate;
  double clip = 0;
  // [train]
  std::uint64_t steps = 0, global_batch = 0, micro_batch = 0, seed = 0;
  std::string device = "cpu";  ///< as configured: auto, cpu or cuda
  bool bf16 = false, flip = false;
  std::int64_t crop_padding = 0;
  int threads = 0;
  std::uint64_t max_skipped = 0;
  double ema_halflife = 0, ema_ramp = 0;
  // [parallel]
  std::string backend, reduction;
  double timeout = 0;
  bool overlap = true, shard_optimizer = false, compress_gradients = false;
  std::size_t first_bucket_bytes = 0, bucket_bytes = 0;
  // [checkpoint]
  std::filesystem::path checkpoint_dir;
  std::uint64_t checkpoint_every = 0;
  std::int64_t keep = 0;
  bool checkpoint_async = true;
  // [log]
  std::string sample_log;                    ///< prefix; empty: none
  std::filesystem::path log_dir, trace_dir;  ///< trace_dir empty: no traces
  std::uint64_t log_every = 0, preview_every = 0;
  std::int64_t preview_steps = 0;
  bool tensorboard = true;
};

/// [network] and [flow] as network settings, without a look at any data. Throws Error(usage) for keys that do not fit
/// together.
flow::NetworkSettings network_settings(const Config& config);

/// [flow] as a method, older keys included. Throws Error(usage) at the key's place for a word that means nothing, with
/// the nearest that does.
flow::FlowSpec flow_spec(const Config& config);

/// All sections. `ranks`, `local_ranks`, `cores`: of this job; they resolve train.micro_batch = 0 and train.threads =
/// 0. Throws Error(usage) at the key's place for values that do not fit together, with what would.
RunConfig resolve_run_config(const Config& config, int ranks, int local_ranks, int cores);

/// Fills image sizes in, and checks the data against [network]: Error(usage).
void fit_to_data(RunConfig& run, const Config& config, const data::DatasetInfo& data);

/// The value of any key as text; equal values, however they were written ("1e-3", "0.001"), give equal texts.
std::string setting_text(const Config& config, const ConfigKey& key);

/// How a setting changed between the checkpoint and now.
struct SettingChange {
  std::string key, before, now;
};
struct SettingChanges {
  std::vector<SettingChange> breaking;  ///< the run would not be the same run any more
  std::vector<SettingChange> steering;  ///< allowed, but from here on it differs from an undisturbed run
};
/// Compares the configuration stored in a checkpoint with the present one (docs/training.md has the list).
SettingChanges compare_settings(const Config& before, const Config& now);

}  // namespace pathline
