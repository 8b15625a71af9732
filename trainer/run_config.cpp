#include "trainer/run_config.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/cpu_count.h"
#include "core/error.h"
#include "data/pictures/image_shape.h"
#include "trainer/optim/registry.h"

namespace pathline {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;  // every such integer is exact as a double, too
constexpr double kLarge = 1e18;

ConfigSchema make_schema() {
  ConfigSchema s;
  s.add_path("data.shards", "", "folder of image shards, made by `pathline shards create`");
  s.add_integer("data.threads", 2, 1, 256, "threads per rank that read and check images");
  s.add_integer("data.prefetch", 4, 1, 1024, "micro-batches read ahead per rank, at most");
  s.add_integer("data.prefetch_mib", 256, 1, 1 << 20,
                "memory per rank for micro-batches read ahead, in MiB; one is always read ahead");
  s.add_integer("data.cache_mib", 256, 0, 1 << 24,
                "a set of at most this many MiB is kept in memory by each rank after its first epoch; 0: none");
  s.add_choice("data.backend", "pread", {"pread", "hdf5"},
               "how images are read; pread: straight from the file; hdf5: by the HDF5 library, slower");
  s.add_text(
      "data.shuffle", "global",
      "order of an epoch; global: any image anywhere; windowed:N: for disks slow at random reads, images shuffled "
      "within windows of N, each of sixteen runs of neighbours");

  s.add_choice("network.kind", "unet", {"unet"}, "architecture; unet: the ADM UNet");
  s.add_integer("network.channels", 32, 1, 4096, "channels of the first level");
  s.add_integer_list("network.channel_mult", {1, 2, 2}, 1, 64,
                     "channel factor per level; each further level halves the resolution");
  s.add_integer("network.res_blocks", 1, 1, 64, "residual blocks per level");
  s.add_integer_list("network.attention", {14}, 1, 65536,
                     "resolutions with self-attention, in pixels of image height; empty: none");
  s.add_integer("network.heads", 4, 1, 1024, "attention heads, where head_channels is -1");
  s.add_integer("network.head_channels", 32, -1, 4096, "channels per attention head; -1: use network.heads");
  s.add_integer("network.classes", 0, 0, 1000000, "classes of the data to condition on; 0: unconditional");
  s.add_real("network.dropout", 0.0, 0.0, 0.99, "dropout probability in residual blocks");
  s.add_boolean("network.scale_shift_norm", false,
                "condition by scale and shift after normalisation instead of by addition");
  s.add_boolean("network.resblock_updown", false,
                "residual blocks that change resolution, instead of plain resampling");
  s.add_boolean("network.conv_resample", true, "learned convolutions in resampling");
  s.add_boolean("network.new_attention_order", false, "split queries, keys and values before heads");

  s.add_text("flow.path", "linear",
             "path from noise (t = 0) to data (t = 1); " + flow::method_docs(flow::path_table()));
  s.add_text("flow.prediction", "velocity",
             "what the network's output means; " + flow::method_docs(flow::prediction_table()));
  s.add_text("flow.time", "uniform",
             "distribution of training times; " + flow::method_docs(flow::time_distributions()));
  s.add_real("flow.time_mean", 0.0, -20.0, 20.0, "older way to write MEAN of flow.time = logit-normal:MEAN,STD");
  s.add_real("flow.time_std", 1.0, 1e-3, 20.0, "older way to write STD of flow.time = logit-normal:MEAN,STD");
  s.add_text("flow.coupling", "independent",
             "which noise each sample of the global batch gets; " + flow::method_docs(flow::coupling_table()));
  s.add_text("flow.objective", "velocity", "what training minimises; " + flow::method_docs(flow::objective_table()));
  s.add_real("flow.label_drop", 0.0, 0.0, 1.0,
             "probability of training a sample without its label, for classifier-free guidance");

  add_optimizer_kind_key(s);
  s.add_real("optimizer.lr", 1e-3, 0.0, 1e6, "peak learning rate");
  for (const OptimizerKind& kind : optimizer_kinds()) kind.add_keys(s);
  s.add_real("optimizer.clip", 1.0, 0.0, kLarge, "largest global gradient norm; 0: no clipping");
  s.add_integer("optimizer.warmup", 0, 0, kMost, "steps of linear warm-up of the learning rate");
  s.add_choice("optimizer.schedule", "constant", {"constant", "cosine"}, "learning rate after the warm-up");
  s.add_real("optimizer.final_lr_fraction", 0.0, 0.0, 1.0, "cosine: last learning rate as a fraction of the peak");

  s.add_integer("train.steps", 0, 0, kMost, "length in optimizer steps; 0: as train.images says");
  s.add_integer("train.images", 0, 0, kMost, "length in images, rounded up to whole steps; 0: as train.steps says");
  s.add_integer("train.global_batch", 128, 1, 1 << 24, "images per optimizer step, over all ranks");
  s.add_integer("train.micro_batch", 0, 0, 1 << 24, "images per forward and backward pass; 0: global_batch / ranks");
  s.add_integer("train.seed", 0, 0, std::numeric_limits<std::int64_t>::max(),
                "seed of weights, order, noise, times, drops, flips");
  s.add_choice("train.device", "auto", {"auto", "cpu", "cuda"}, "processor; auto: cuda where there is a device");
  s.add_choice("train.precision", "fp32", {"fp32", "bf16"}, "bf16: autocast, with weights, gradients and sums in fp32");
  s.add_integer(
      "train.threads", 0, 0, 1024,
      "compute threads per rank; 0: usable cores of the host / its ranks, at most OMP_NUM_THREADS (reproducible: 1)");
  s.add_boolean("train.flip", false, "mirror each image left-right with probability 1/2");
  s.add_integer("train.crop_padding", 0, 0, 65535,
                "pad each image by this many pixels, mirrored at its edges, and cut it out at a random place; 0: no");
  s.add_integer("train.max_skipped", 5, 1, 1000000, "skipped (non-finite) steps in a row that end the run with code 5");
  s.add_real("train.ema_halflife", 500000, 0.0, kLarge,
             "half-life of the averaged weights, in images; 0: no averaging");
  s.add_real("train.ema_ramp", 0.05, 0.0, 1.0,
             "half-life is at most this fraction of the images seen; 0: no such limit");

  s.add_choice("parallel.backend", "auto", {"auto", "self", "mpi", "nccl"},
               "auto: nccl for several ranks on CUDA devices, else mpi when started by mpirun or srun, else self");
  s.add_choice("parallel.reduction", "fast", {"fast", "reproducible"},
               "reproducible: the same bits whatever the number of ranks");
  s.add_boolean("parallel.overlap", true, "reduce gradients while backward is still running");
  s.add_real("parallel.first_bucket_mib", 1.0, 1e-3, 1e5, "size of the first and the last bucket of gradients");
  s.add_real("parallel.bucket_mib", 0.0, 0, 1e5,
             "size of the other buckets of gradients; 0: a sixteenth of all gradients, at most 25");
  s.add_choice("parallel.wire", "fp32", {"fp32", "bf16"},
               "gradients between ranks; bf16: half the bytes, rounded once per rank and once in the sum");
  s.add_boolean("parallel.shard_optimizer", false,
                "each rank keeps the optimizer's moments and the averaged weights of its share only (ZeRO-1)");
  s.add_real("parallel.timeout", 600, 0.0, 1e7,
             "seconds a rank waits for the others before it ends the job with code 6; 0: for ever");

  s.add_path("checkpoint.dir", "run/checkpoints", "folder of checkpoints; a run found there is resumed");
  s.add_integer("checkpoint.every", 1000, 0, kMost, "steps between checkpoints; 0: only at the end");
  s.add_integer("checkpoint.keep", 3, 1, 1000000, "checkpoints kept");
  s.add_boolean("checkpoint.async", true,
                "write checkpoints in the background, from a copy in memory of rank 0; false: training waits");

  s.add_path("log.dir", "run/log", "folder of metrics.jsonl, TensorBoard events and previews");
  s.add_integer("log.every", 50, 1, kMost, "steps between lines of metrics");
  s.add_integer("log.preview_every", 500, 0, kMost, "steps between preview pictures (EMA weights); 0: none");
  s.add_integer("log.preview_steps", 10, 1, 10000, "Heun steps of a preview");
  s.add_boolean("log.tensorboard", true, "write TensorBoard event files");
  s.add_path("log.samples", "",
             "prefix of files that list the samples of each step, PREFIX.rank-N per rank; empty: none");
  s.add_path("log.trace", "", "folder of timelines for ui.perfetto.dev, trace-rankN.json per rank; empty: none");
  return s;
}

std::uint64_t whole(const Config& config, const char* key) {
  return static_cast<std::uint64_t>(config.integer(key));
}

/// The largest divisor of `number` that is at most `limit`.
std::uint64_t divisor_at_most(std::uint64_t number, std::uint64_t limit) {
  std::uint64_t divisor = std::min(number, limit);
  while (number % divisor != 0) --divisor;
  return divisor;
}

void resolve_batches(RunConfig& run, const Config& config, int ranks) {
  const auto n = static_cast<std::uint64_t>(ranks);
  run.global_batch = whole(config, "train.global_batch");
  run.micro_batch = whole(config, "train.micro_batch");
  if (run.micro_batch == 0) {
    if (run.reduction == "reproducible") {
      config.fail("train.micro_batch", "must be given where parallel.reduction is reproducible, found 0",
                  fmt::format("0 follows the number of ranks, and the result would too; for example {}",
                              divisor_at_most(run.global_batch, std::max<std::uint64_t>(1, run.global_batch / 4))));
    }
    if (run.global_batch % n != 0) {
      config.fail("train.global_batch",
                  fmt::format("{} images cannot be shared out evenly over {} ranks", run.global_batch, n),
                  fmt::format("use {} or {}, or set train.micro_batch", std::max(n, run.global_batch / n * n),
                              (run.global_batch / n + 1) * n));
    }
    run.micro_batch = run.global_batch / n;
  }
  if (run.global_batch % run.micro_batch != 0) {
    config.fail("train.micro_batch",
                fmt::format("must divide train.global_batch = {}, found {}", run.global_batch, run.micro_batch),
                fmt::format("for example {}", divisor_at_most(run.global_batch, run.micro_batch)));
  }
  const std::uint64_t micro_batches = run.global_batch / run.micro_batch;
  if (micro_batches < n) {
    config.fail("train.micro_batch",
                fmt::format("{} images make {} micro-batches of {}: too few for {} ranks", run.global_batch,
                            micro_batches, run.micro_batch, n),
                run.global_batch >= n
                    ? fmt::format("use {} or less", divisor_at_most(run.global_batch, run.global_batch / n))
                    : std::string("use fewer ranks, or a larger train.global_batch"));
  }
}

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.rfind(prefix, 0) == 0;
}

}  // namespace

const ConfigSchema& train_schema() {
  static const ConfigSchema schema = make_schema();
  return schema;
}

flow::NetworkSettings network_settings(const Config& config) {
  flow::NetworkSettings network;
  network.kind = config.text("network.kind");
  network.channels = config.integer("network.channels");
  network.channel_mult = config.integer_list("network.channel_mult");
  network.res_blocks = config.integer("network.res_blocks");
  network.attention = config.integer_list("network.attention");
  network.heads = config.integer("network.heads");
  network.head_channels = config.integer("network.head_channels");
  network.classes = config.integer("network.classes");
  network.dropout = config.real("network.dropout");
  network.scale_shift_norm = config.boolean("network.scale_shift_norm");
  network.resblock_updown = config.boolean("network.resblock_updown");
  network.conv_resample = config.boolean("network.conv_resample");
  network.new_attention_order = config.boolean("network.new_attention_order");
  network.null_class = config.real("flow.label_drop") > 0;
  if (network.channel_mult.empty()) config.fail("network.channel_mult", "expected at least one level, found none");
  if (network.head_channels == 0) config.fail("network.head_channels", "expected -1 or a positive number, found 0");
  if (network.null_class && network.classes == 0) {
    config.fail("flow.label_drop", "there are no labels to drop where network.classes is 0",
                "set network.classes, or flow.label_drop = 0");
  }
  return network;
}

namespace {

/// flow.time, with the older keys in it.
std::string time_words(const Config& config) {
  const std::string& time = config.text("flow.time");
  const double mean = config.real("flow.time_mean"), std = config.real("flow.time_std");
  if (time == "logit-normal") return fmt::format("logit-normal:{},{}", mean, std);
  if (time != "uniform" && (mean != 0 || std != 1)) {
    config.fail("flow.time", "flow.time_mean and flow.time_std are for a bare logit-normal, found " + shown(time),
                "leave them out: flow.time = logit-normal:MEAN,STD says it all");
  }
  return time;
}

}  // namespace

flow::FlowSpec flow_spec(const Config& config) {
  const flow::FlowWords words = {
      config.text("flow.path"),     config.text("flow.prediction"), time_words(config),
      config.text("flow.coupling"), config.text("flow.objective"),  config.real("flow.label_drop")};
  try {
    return flow::make_flow_spec(words);
  } catch (const Error& error) {
    config.fail("flow." + error.place(), error.message(), error.hint());
  }
}

RunConfig resolve_run_config(const Config& config, int ranks, int local_ranks, int cores) {
  RunConfig run;
  run.shards = config.text("data.shards");
  if (run.shards.empty()) {
    config.fail("data.shards", "expected the folder of image shards, found nothing",
                "make one with `pathline shards create` and give --data.shards DIR");
  }
  run.data_threads = static_cast<int>(config.integer("data.threads"));
  run.prefetch = static_cast<int>(config.integer("data.prefetch"));
  run.prefetch_bytes = whole(config, "data.prefetch_mib") << 20;
  run.cache_bytes = whole(config, "data.cache_mib") << 20;
  run.data_backend = config.text("data.backend") == "hdf5" ? data::ReadBackend::hdf5 : data::ReadBackend::pread;
  const auto shuffle = data::parse_shuffle(config.text("data.shuffle"));
  if (!shuffle) {
    config.fail("data.shuffle",
                fmt::format("expected global or windowed:N with N of at least {}, found {}",
                            data::SampleOrder::blocks_per_window, shown(config.text("data.shuffle"))),
                "for example windowed:16384");
  }
  run.shuffle = *shuffle;

  run.network = network_settings(config);
  run.flow = flow_spec(config);

  run.optimizer = make_optimizer(config);
  run.learning_rate = {config.real("optimizer.lr"), whole(config, "optimizer.warmup"),
                       config.text("optimizer.schedule"), config.real("optimizer.final_lr_fraction")};
  run.clip = config.real("optimizer.clip");

  run.backend = config.text("parallel.backend");
  run.reduction = config.text("parallel.reduction");
  run.timeout = config.real("parallel.timeout");
  run.overlap = config.boolean("parallel.overlap");
  run.shard_optimizer = config.boolean("parallel.shard_optimizer");
  run.compress_gradients = config.text("parallel.wire") == "bf16";
  run.first_bucket_bytes = static_cast<std::size_t>(config.real("parallel.first_bucket_mib") * 1048576.0);
  run.bucket_bytes = static_cast<std::size_t>(config.real("parallel.bucket_mib") * 1048576.0);
  if (run.compress_gradients && run.reduction == "reproducible") {
    config.fail("parallel.wire", "reproducible sums are exchanged in fp32, found bf16",
                "use parallel.wire = fp32, or parallel.reduction = fast");
  }
  resolve_batches(run, config, ranks);

  const std::uint64_t images = whole(config, "train.images");
  run.steps = whole(config, "train.steps");
  if (images > 0 && run.steps > 0) {
    config.fail("train.images",
                "both train.images and train.steps are given: only one of them can say how long to train",
                "set the other one to 0");
  }
  if (images == 0 && run.steps == 0) {
    config.fail("train.steps", "the length of the training is missing", "give --train.steps N or --train.images N");
  }
  if (images > 0) run.steps = (images + run.global_batch - 1) / run.global_batch;
  run.seed = whole(config, "train.seed");
  run.device = config.text("train.device");
  run.bf16 = config.text("train.precision") == "bf16";
  run.flip = config.boolean("train.flip");
  run.crop_padding = config.integer("train.crop_padding");
  run.threads = static_cast<int>(config.integer("train.threads"));
  // How threads split a sum shows in its last bits: in reproducible mode their number must not follow the machine or
  // the ranks.
  if (run.threads == 0) run.threads = run.reduction == "reproducible" ? 1 : threads_per_process(cores, local_ranks);
  run.max_skipped = whole(config, "train.max_skipped");
  run.ema_halflife = config.real("train.ema_halflife");
  run.ema_ramp = config.real("train.ema_ramp");

  run.checkpoint_dir = config.text("checkpoint.dir");
  if (run.checkpoint_dir.empty()) config.fail("checkpoint.dir", "expected a folder, found nothing");
  run.checkpoint_every = whole(config, "checkpoint.every");
  run.keep = config.integer("checkpoint.keep");
  run.checkpoint_async = config.boolean("checkpoint.async");

  run.log_dir = config.text("log.dir");
  if (run.log_dir.empty()) config.fail("log.dir", "expected a folder, found nothing");
  run.log_every = whole(config, "log.every");
  run.preview_every = whole(config, "log.preview_every");
  run.preview_steps = config.integer("log.preview_steps");
  run.tensorboard = config.boolean("log.tensorboard");
  run.sample_log = config.text("log.samples");
  run.trace_dir = config.text("log.trace");
  return run;
}

void fit_to_data(RunConfig& run, const Config& config, const data::DatasetInfo& data) {
  if (data.shape.kind() != SampleKind::picture) {
    config.fail("network.kind",
                fmt::format("{} works on pictures, found samples of the shape {} in {}", run.network.kind,
                            data.shape.describe(), run.shards.string()),
                "train on shards of images; there is no network for others yet");
  }
  const data::ImageShape image = data::image_shape(data.shape, run.shards.string());
  run.network.image_channels = image.channels;
  run.network.image_height = image.height;
  run.network.image_width = image.width;
  if (run.crop_padding >= std::min(image.height, image.width) && run.crop_padding > 0) {
    config.fail("train.crop_padding", fmt::format("expected less than the {} x {} pixels of an image, found {}",
                                                  image.height, image.width, run.crop_padding));
  }
  const auto classes = static_cast<std::int64_t>(data.class_names.size());
  if (run.network.classes > 0 && run.network.classes != classes) {
    config.fail("network.classes",
                fmt::format("expected the {} classes of the data in {}, or 0 for unconditional, found {}", classes,
                            run.shards.string(), run.network.classes),
                fmt::format("use {}", classes));
  }
}

std::string setting_text(const Config& config, const ConfigKey& key) {
  switch (key.kind) {
    case ConfigKey::Kind::integer:
      return fmt::format("{}", config.integer(key.name));
    case ConfigKey::Kind::real:
      return fmt::format("{}", config.real(key.name));
    case ConfigKey::Kind::boolean:
      return config.boolean(key.name) ? "true" : "false";
    case ConfigKey::Kind::integer_list:
      return fmt::format("{}", fmt::join(config.integer_list(key.name), ","));
    case ConfigKey::Kind::choice:
    case ConfigKey::Kind::path:
    case ConfigKey::Kind::text:
      break;
  }
  if (key.name == "flow.path") return flow_spec(config).path->text();
  if (key.name == "flow.prediction") return flow_spec(config).prediction->text();
  if (key.name == "flow.time") return flow_spec(config).training->time->text();
  if (key.name == "flow.coupling") return flow_spec(config).training->coupling->text();
  if (key.name == "flow.objective") return flow_spec(config).training->objective->text();
  return config.text(key.name);
}

SettingChanges compare_settings(const Config& before, const Config& now) {
  const bool reproducible = now.text("parallel.reduction") == "reproducible";
  const bool cosine = now.text("optimizer.schedule") == "cosine";
  SettingChanges changes;
  for (const ConfigKey& key : train_schema().keys()) {
    const std::string& name = key.name;
    if (name == "flow.time_mean" || name == "flow.time_std") continue;  // part of flow.time
    const std::string old_value = setting_text(before, key), new_value = setting_text(now, key);
    if (old_value == new_value) continue;
    const bool breaking =
        starts_with(name, "network.") || starts_with(name, "flow.") || name == "optimizer.kind" ||
        name == "train.seed" || name == "train.global_batch" || name == "train.precision" || name == "train.flip" ||
        name == "train.crop_padding" || name == "data.shuffle" ||
        (reproducible && (name == "train.micro_batch" || name == "train.threads" || name == "parallel.reduction"));
    const bool steering = starts_with(name, "optimizer.") || starts_with(name, "train.ema_") ||
                          name == "train.micro_batch" || name == "parallel.reduction" || name == "parallel.wire" ||
                          (cosine && (name == "train.steps" || name == "train.images"));
    if (breaking) {
      changes.breaking.push_back({name, old_value, new_value});
    } else if (steering) {
      changes.steering.push_back({name, old_value, new_value});
    }
  }
  return changes;
}

}  // namespace pathline
