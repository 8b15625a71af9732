#include "trainer/checkpoint/checkpoint.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "core/remove_tree.h"
#include "core/system.h"
#include "flow/networks/network_with_weights.h"
#include "trainer/checkpoint/checkpoint_manifest.h"
#include "trainer/checkpoint/model_json.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
constexpr const char* kManifest = "MANIFEST.json";
constexpr const char* kState = "state.json";
constexpr const char* kConfig = "config.ini";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kEma = "ema.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr std::array kFiles = {kWeights, kEma, kOptimizer, kState, kConfig};
constexpr std::uint64_t kLargestText = std::uint64_t{64} << 20;  // of a manifest, a state, a configuration
constexpr const char* kRemovedPrefix = ".removed-";

/// The step of a folder named step-NNN…, or nothing.
std::optional<std::uint64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const std::string digits = name.substr(std::min<std::size_t>(name.size(), 5));
  if (name.compare(0, 5, "step-") != 0 || digits.size() < 9 || digits.size() > 18 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return std::stoull(digits);
}

Error damaged(const fs::path& file, const std::string& message) {
  return Error(ExitCode::bad_input, message, file.string(),
               "the checkpoint is damaged; give the folder above it to use the newest whole one");
}

/// Size of one of the files. One that is missing, or a folder or a pipe in its place, is damage; one that the system
/// does not let us look at is Error(file_system), and may be whole.
std::uint64_t part_size(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) throw damaged(file, "missing file of a checkpoint");
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    struct stat found {};
    throw damaged(file, "expected a regular file, found " +
                            (::stat(file.c_str(), &found) == 0 ? file_kind(found.st_mode) : std::string("another")));
  }
  const std::uint64_t bytes = error ? 0 : fs::file_size(file, error);
  if (error) throw system_error(error.value(), "cannot look at a file of a checkpoint", file.string());
  return bytes;
}

std::string read_part(const fs::path& file) {
  part_size(file);
  return read_file(file, kLargestText);
}

/// The manifest, after the size of every file has been compared with it.
Manifest manifest_of_right_sizes(const fs::path& step_folder) {
  const fs::path manifest_file = step_folder / kManifest;
  Manifest manifest = parse_manifest(read_part(manifest_file), manifest_file.string());
  for (const char* name : kFiles) {
    const fs::path file = step_folder / name;
    const auto expected = manifest.find(name);
    if (expected == manifest.end()) throw damaged(manifest_file, fmt::format("not a manifest: it lacks {}", name));
    const std::uint64_t bytes = part_size(file);
    if (bytes != expected->second.bytes)
      throw damaged(file, fmt::format("expected {} bytes, found {}", expected->second.bytes, bytes));
  }
  return manifest;
}

CheckpointInfo read_info(const fs::path& step_folder) {
  CheckpointInfo info;
  info.folder = step_folder;
  const std::string manifest = read_part(step_folder / kManifest);
  info.manifest_sha256 = sha256_hex(manifest.data(), manifest.size());
  from_json(read_part(step_folder / kState), (step_folder / kState).string(), info.state, info.model);
  if (const auto step = step_of(step_folder); step && *step != info.state.step) {
    throw damaged(step_folder / kState,
                  fmt::format("expected state.step = {}, as the folder is named, found {}", *step, info.state.step));
  }
  info.config_ini = read_part(step_folder / kConfig);
  return info;
}

void set_aside(const fs::path& step_folder) {
  std::error_code error;
  fs::path aside = step_folder.parent_path() / ("damaged-" + step_folder.filename().string());
  for (int copy = 2; fs::exists(aside, error); ++copy) {
    aside = step_folder.parent_path() / fmt::format("damaged-{}.{}", step_folder.filename().string(), copy);
  }
  if (System::current().rename(step_folder, aside) != 0)
    throw system_error(errno, "cannot set a damaged checkpoint aside", step_folder.string());
  log_warning(fmt::format("{}: damaged, renamed to {}", step_folder.string(), aside.filename().string()));
}

}  // namespace

fs::path write_checkpoint(const fs::path& folder, const CheckpointContents& contents) {
  make_folder(folder);
  fs::path target = folder / fmt::format("step-{:09d}", contents.state.step);
  std::error_code ignored;
  if (fs::exists(target, ignored)) {
    bool valid = true;
    try {
      verify_checkpoint(target);
    } catch (const Error&) {
      valid = false;
    }
    if (valid) {
      throw Error(ExitCode::usage, "a checkpoint of this step exists already", target.string(),
                  "choose another checkpoint.dir, or remove it");
    }
    set_aside(target);
  }

  DurableDirectory building(target);
  save_tensors(building.path() / kWeights, contents.weights);
  save_tensors(building.path() / kEma, contents.ema);
  save_tensors(building.path() / kOptimizer, contents.optimizer);
  write_file_durably(building.path() / kState, to_json(contents.state, contents.model));
  write_file_durably(building.path() / kConfig, contents.config_ini);

  Manifest manifest;
  for (const char* name : kFiles) {
    const fs::path file = building.path() / name;
    manifest[name] = {fs::file_size(file, ignored), sha256_file(file)};
  }
  write_file_durably(building.path() / kManifest, manifest_text(manifest));
  building.commit();
  return target;
}

void check_sizes(const fs::path& step_folder) {
  manifest_of_right_sizes(step_folder);
}

void verify_checkpoint(const fs::path& step_folder) {
  const Manifest manifest = manifest_of_right_sizes(step_folder);
  for (const char* name : kFiles) {
    const fs::path file = step_folder / name;
    const std::string& expected = manifest.at(name).sha256;
    const std::string hash = sha256_file(file);
    if (hash != expected) {
      throw damaged(file, fmt::format("expected SHA-256 {}…, found {}…", expected.substr(0, 12), hash.substr(0, 12)));
    }
  }
  read_info(step_folder);
}

CheckpointInfo open_checkpoint(const fs::path& path) {
  const fs::path folder = path.filename().empty() ? path.parent_path() : path;  // "run/" is "run"
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) {
    throw Error(ExitCode::file_system, "no such checkpoint", path.string(),
                "give a step-… folder, or the folder above it");
  }
  if (step_of(folder) || fs::exists(folder / kManifest, ignored)) {
    verify_checkpoint(folder);
    return read_info(folder);
  }
  if (!fs::is_directory(folder, ignored)) {
    throw Error(ExitCode::bad_input, "a file, expected a checkpoint folder", path.string(),
                "weights alone become a checkpoint with `pathline checkpoint import`");
  }
  if (auto newest = newest_checkpoint(folder)) return *std::move(newest);
  throw Error(ExitCode::bad_input, "holds no valid checkpoint", path.string(),
              "expected folders step-000000000 with a MANIFEST.json in each");
}

std::vector<fs::path> checkpoint_folders(const fs::path& folder) {
  std::vector<std::pair<std::uint64_t, fs::path>> found;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return {};
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const auto step = step_of(entry->path());
    std::error_code ignored;
    if (step && entry->is_directory(ignored)) found.emplace_back(*step, entry->path());
  }
  if (error) throw system_error(error.value(), "cannot list the checkpoints", folder.string());
  std::sort(found.rbegin(), found.rend());
  std::vector<fs::path> folders;
  folders.reserve(found.size());
  for (auto& [step, path] : found) folders.push_back(std::move(path));
  return folders;
}

std::optional<CheckpointInfo> newest_checkpoint(const fs::path& folder) {
  std::optional<Error> unreadable;
  for (const fs::path& candidate : checkpoint_folders(folder)) {
    try {
      verify_checkpoint(candidate);
      return read_info(candidate);
    } catch (const Error& error) {
      const bool may_be_whole = error.code() == ExitCode::file_system;
      if (error.code() != ExitCode::bad_input && !may_be_whole) throw;
      log_warning(fmt::format("passing over {} checkpoint: {}: {}", may_be_whole ? "an unreadable" : "a damaged",
                              error.place(), error.message()));
      if (may_be_whole && !unreadable) unreadable = error;
    }
  }
  // To go on as if there were none would be to start over because of a missing right or a bad sector.
  if (unreadable) {
    throw Error(ExitCode::file_system, "no checkpoint is whole, and this one cannot be read: " + unreadable->message(),
                unreadable->place(), "make it readable, or move it away to do without it");
  }
  return std::nullopt;
}

NamedTensors load_weights(const CheckpointInfo& checkpoint, WeightSet which) {
  return load_tensors(checkpoint.folder / (which == WeightSet::ema ? kEma : kWeights));
}

NamedTensors load_optimizer(const CheckpointInfo& checkpoint) {
  return load_tensors(checkpoint.folder / kOptimizer);
}

std::shared_ptr<flow::VelocityNetwork> load_network(const CheckpointInfo& checkpoint, WeightSet which) {
  const fs::path file = checkpoint.folder / (which == WeightSet::ema ? kEma : kWeights);
  auto network = flow::network_with_weights(checkpoint.model.network, load_weights(checkpoint, which), file.string());
  network->eval();
  return network;
}

void remove_checkpoints(const fs::path& folder, const std::vector<fs::path>& step_folders) {
  // Hidden first: a kill in the middle of the removal must not leave a half-empty checkpoint under its name. What such
  // a kill left hidden goes as well.
  std::error_code error;
  for (const fs::path& old : step_folders) {
    if (System::current().rename(old, old.parent_path() / (kRemovedPrefix + old.filename().string())) != 0) {
      log_warning(
          fmt::format("{}: cannot remove an old checkpoint: {}", old.string(), std::generic_category().message(errno)));
    }
  }
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().rfind(kRemovedPrefix, 0) != 0) continue;
    remove_leftover(entry->path());
  }
}

}  // namespace pathline
