#include "trainer/run_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"

namespace pathline {
namespace {

ConfigSchema make_schema() {
  ConfigSchema schema;
  declare_fields<data::ReadingConfig>(schema);
  flow::declare_network_keys(schema);
  flow::declare_flow_keys(schema);
  declare_optimizer_keys(schema);
  declare_fields<TrainConfig>(schema);
  declare_fields<ParallelConfig>(schema);
  declare_fields<CheckpointConfig>(schema);
  declare_fields<LogConfig>(schema);
  return schema;
}

/// The label that the shards keep beside each sample; none: 0 classes.
ConditionField label_of(const data::DatasetInfo& data) {
  const ConditionSpec spec = data.condition_spec();
  const ConditionField wanted;
  const auto found = std::find_if(spec.begin(), spec.end(), [&](const ConditionField& field) {
    return field.kind == wanted.kind && field.name == wanted.name;
  });
  return found == spec.end() ? wanted : *found;
}

/// The network keeps of what the data offer what the configuration asks for: the label, where it has classes.
void fit_condition(RunConfig& run, const Config& config, const data::DatasetInfo& data) {
  if (run.network.classes() == 0) return;
  const ConditionField label = label_of(data);
  if (run.network.classes() != label.classes) {
    config.fail("network.classes",
                fmt::format("expected the {} classes of the data in {}, or 0 for unconditional, found {}",
                            label.classes, run.data.shards.string(), run.network.classes()),
                fmt::format("use {}", label.classes));
  }
  run.network.condition = flow::label_condition(label.classes, run.network.null_class());
}

/// Mirroring and cutting are for pictures, and what is cut out must be inside its padded picture.
void check_augmentation(const RunConfig& run, const Config& config) {
  const SampleShape& shape = run.network.shape;
  const std::int64_t padding = run.train.crop_padding;
  if (shape.kind() != SampleKind::picture) {
    const std::string message = "is for pictures, found samples of the kind " + shape.describe();
    if (run.train.flip) config.fail("train.flip", message);
    if (padding > 0) config.fail("train.crop_padding", message);
    return;
  }
  const std::int64_t height = shape.sizes()[1], width = shape.sizes()[2];
  if (padding > 0 && padding >= std::min(height, width)) {
    config.fail("train.crop_padding",
                fmt::format("expected less than the {} x {} pixels of an image, found {}", height, width, padding));
  }
}

}  // namespace

const ConfigSchema& train_schema() {
  static const ConfigSchema schema = make_schema();
  return schema;
}

flow::NetworkSettings network_settings(const Config& config) {
  const bool labels_drop = config.real("flow.label_drop") > 0;
  if (labels_drop && config.integer("network.classes") == 0) {
    config.fail("flow.label_drop", "there are no labels to drop where network.classes is 0",
                "set network.classes, or flow.label_drop = 0");
  }
  return flow::read_network(config, labels_drop);
}

RunConfig resolve_run_config(const Config& config, int ranks, int local_ranks, int cores) {
  RunConfig run;
  run.data = read_fields<data::ReadingConfig>(config);
  run.data.check(config);
  run.network = network_settings(config);
  run.flow = flow::read_flow(config);
  run.optimizer = read_optimizer(config);
  run.parallel = read_fields<ParallelConfig>(config);
  run.parallel.check(config);
  run.train = read_fields<TrainConfig>(config);
  run.train.resolve(config, run.parallel.reproducible(), ranks, local_ranks, cores);
  run.checkpoint = read_fields<CheckpointConfig>(config);
  run.checkpoint.check(config);
  run.log = read_fields<LogConfig>(config);
  run.log.check(config);
  return run;
}

void fit_to_data(RunConfig& run, const Config& config, const data::DatasetInfo& data) {
  run.network.shape = data.shape;
  fit_condition(run, config, data);
  check_augmentation(run, config);
  flow::check_network(run.network, config);
}

}  // namespace pathline
