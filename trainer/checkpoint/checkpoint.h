#pragma once
// Checkpoints on disk (docs/formats/checkpoints.md): DIR/step-000001000/ with model, ema and optimizer tensors,
// state.json, config.ini and MANIFEST.json (sizes and SHA-256) written last; built in a hidden sibling and renamed, so
// a checkpoint is whole or absent. Nothing in it depends on the number of ranks, nothing on the time of day: equal runs
// write equal bytes. One process writes; any process reads. Errors: Error(file_system) when writing or reading fails,
// Error(bad_input) for a damaged checkpoint.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/torch/tensor_file.h"
#include "flow/flow_spec.h"
#include "flow/networks/network.h"

namespace pathline {

/// The numbers of state.json.
struct TrainState {
  std::uint64_t step = 0;      ///< optimizer steps done
  std::uint64_t position = 0;  ///< samples consumed
  std::uint64_t seed = 0;
  double ema_images = 0;  ///< images the EMA has seen
};

/// What a checkpoint says about its model, beside the weights.
struct ModelDescription {
  flow::NetworkSettings network;
  std::vector<std::string> class_names;
  std::vector<double> mean, scale;  ///< per channel: x = (value - mean) / scale
  std::string dtype = "uint8";      ///< of the data: "uint8" images or "float32" fields
  std::string data_hash;            ///< content hash of the shards, "" if imported
  flow::FlowSpec flow;
};

struct CheckpointInfo {
  std::filesystem::path folder;
  std::string manifest_sha256;  ///< names the checkpoint in provenance records
  TrainState state;
  ModelDescription model;
  std::string config_ini;
};

struct CheckpointContents {
  TrainState state;
  ModelDescription model;
  std::string config_ini;
  NamedTensors weights, ema, optimizer;  ///< optimizer may be empty (imported weights)
};

enum class WeightSet { ema, raw };

/// Writes step-%09d below `folder` durably and returns its path. A damaged checkpoint of that step is set aside
/// (renamed damaged-step-…); a valid one is Error(usage).
std::filesystem::path write_checkpoint(const std::filesystem::path& folder, const CheckpointContents& contents);

/// Sizes and SHA-256 of every file against the manifest, and that the state is that of the folder's name. Throws
/// Error(bad_input) naming the file, Error(file_system) if it cannot be read.
void verify_checkpoint(const std::filesystem::path& step_folder);
/// The sizes alone: what a look at each file tells.
void check_sizes(const std::filesystem::path& step_folder);

/// `path`: a step folder, or the folder above (then the newest valid one, see newest_checkpoint()). Throws
/// Error(bad_input) if it is damaged or none is valid, Error(file_system) if it is missing or cannot be read.
CheckpointInfo open_checkpoint(const std::filesystem::path& path);
/// The step-… folders below `folder`, whole or not, newest first; empty if there is no such folder.
std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& folder);
/// Newest valid checkpoint below `folder`, or nothing; newer ones that are damaged, or that the system cannot read (a
/// bad sector, a missing right), are named in a warning. Throws Error(file_system) if none is valid and one cannot be
/// read: it may be whole.
std::optional<CheckpointInfo> newest_checkpoint(const std::filesystem::path& folder);

/// Moments of the optimizer ("exp_avg.NAME", "exp_avg_sq.NAME"); empty for imported weights.
NamedTensors load_optimizer(const CheckpointInfo& checkpoint);
/// The weights by parameter name.
NamedTensors load_weights(const CheckpointInfo& checkpoint, WeightSet which);

/// The network with its weights loaded, in evaluation mode, on the CPU. Throws Error(bad_input) where the weights are
/// not those of the network described, however large that would be.
std::shared_ptr<flow::VelocityNetwork> load_network(const CheckpointInfo& checkpoint, WeightSet which);

/// Removes these step folders of `folder`, and what an interrupted removal has left there. A failure is a warning.
void remove_checkpoints(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& step_folders);

}  // namespace pathline
