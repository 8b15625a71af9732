#pragma once
// The options that `sample` and `sweep` share: which model (CHECKPOINT or --field), which weights, labels, noise,
// device and numbers. Thread-safety: none needed; used once at start.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "solvers/solver_host.h"
#include "tools/options.h"
#include "tools/sampler.h"
#include "tools/velocity_model.h"
#include "trainer/checkpoint.h"
#include "trainer/parallel/communicator.h"

namespace pathline::tools {

/// Declares the shared options. `default_count`: of --count, or nothing when it must be given.
void declare_model_options(Options& options, std::optional<std::int64_t> default_count);

/// A model opened as the options say, with the noise and labels of its samples.
struct OpenedModel {
  std::unique_ptr<VelocityModel> model;
  std::optional<CheckpointInfo> checkpoint;                 ///< nothing for a closed-form field
  std::string source;                                       ///< path of the checkpoint or field file
  std::string source_sha256;                                ///< of the checkpoint's manifest or the field file
  std::string weights, precision, dtype, device, guidance;  ///< as resolved, for records
  std::vector<double> mean, scale;                          ///< to bytes of pictures, per channel; empty: 127.5
  std::uint64_t seed = 0;
  std::string initial;  ///< "FILE.h5:/dataset", or "" when the noise comes from the seed
  int threads = 1;
  DrawRequest request;  ///< count, batch, noise, labels
};

/// Sets the number of threads, checks every shared option, opens the model, makes the noise. Every rank calls it and
/// gets the same.
OpenedModel open_model(const Options& options, parallel::Communicator& communicator);

/// "name=value" texts of --param to the solver's numbers. Error(usage) for malformed, repeated, unknown or out-of-range
/// ones.
std::map<std::string, double> parse_parameters(const std::vector<std::string>& texts,
                                               const solvers::SolverInfo& solver);

/// "name=value" in two. Error(usage) if it is not that.
std::pair<std::string, std::string> split_parameter(const std::string& text);

/// Throws Error(file_system) unless a file can be made in the folder that `target` lies in: better before the work than
/// after it.
void require_writable_folder_of(const std::string& target);

}  // namespace pathline::tools
