#pragma once
// The options that `sample` and `sweep` share: which model (CHECKPOINT or --field), which weights, labels, noise,
// device and numbers. Thread-safety: none needed; used once at start.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sampling/sampler.h"
#include "sampling/velocity_model.h"
#include "solvers/solver_host.h"
#include "tools/options.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/parallel/communicator.h"

namespace pathline::tools {

/// Declares the shared options. `default_count`: of --count, or nothing when it must be given. `most_models`: more than
/// 1 allows that many CHECKPOINTs and --field any number of times.
void declare_model_options(Options& options, std::optional<std::int64_t> default_count, std::size_t most_models = 1);

/// A model named on the command line.
struct ModelChoice {
  std::string path;
  bool field = false;  ///< a closed-form field, not a checkpoint
};

/// The models named: CHECKPOINTs, then fields. At least one; Error(usage) for none.
std::vector<ModelChoice> named_models(const Options& options);

/// What --grid is, for --help.
inline constexpr const char* solver_grid_doc =
    "where the steps of a fixed-step solver lie in time: uniform, shift:S, rho:R, cosine, or a list 0,…,1 of times";

/// What --norm is, for --help, and its values.
inline constexpr const char* solver_norm_doc =
    "how an adaptive solver judges a batch: by its worst sample's root mean square error, or by that of all values";
inline const std::vector<std::string> solver_norms = {"sample", "batch"};

/// A model opened as the options say, with the noise and labels of its samples.
struct OpenedModel {
  std::unique_ptr<sampling::VelocityModel> model;
  std::optional<CheckpointInfo> checkpoint;                 ///< nothing for a closed-form field
  std::string source;                                       ///< path of the checkpoint or field file
  std::string source_sha256;                                ///< of the checkpoint's manifest or the field file
  std::string weights, precision, dtype, device, guidance;  ///< as resolved, for records
  std::vector<double> mean, scale;                          ///< to bytes of pictures, per channel; empty: 127.5
  std::uint64_t seed = 0;
  std::string initial;         ///< "FILE.h5:/dataset", or "" when the noise comes from the seed
  std::string initial_sha256;  ///< of its values, in the precision of the states; or ""
  int threads = 1;
  sampling::DrawRequest request;  ///< count, batch, noise, labels
};

/// Sets the number of threads, checks every shared option, opens the model, makes the noise. Every rank calls it and
/// gets the same. `stochastic`: a solver draws noise of its own, so --seed has an effect even with --initial.
OpenedModel open_model(const Options& options, parallel::Communicator& communicator, bool stochastic = false);
/// One of several. Options that only checkpoints take are an error for a field unless there is a checkpoint as well.
OpenedModel open_model(const Options& options, parallel::Communicator& communicator, const ModelChoice& choice,
                       bool stochastic = false);

/// Declares --timeout, for commands that work under mpirun, and reads it (seconds; 0: for ever).
void declare_timeout(Options& options);
double timeout_of(const Options& options);

/// Warns, in one line, of those tolerances (rtol; atol where that is 0) that are finer than states of `dtype`
/// ("float32", "float64") of about 1 resolve: steps are then chosen by rounding.
void warn_of_unresolved_tolerances(const std::vector<double>& tolerances, const std::string& dtype);

/// "name=value" texts of --param to the solver's values. Error for malformed, repeated, unknown, missing or
/// out-of-range ones, and for values that the solver refuses.
solvers::Parameters parse_parameters(const std::vector<std::string>& texts, const solvers::Solver& solver);

/// One value, as solvers::parse_parameter(); the path of a file may begin with `~` or $HOME.
solvers::ParameterValue read_parameter(const solvers::SolverInfo& solver, const std::string& name,
                                       const std::string& text);

/// "name=value" in two. Error(usage) if it is not that.
std::pair<std::string, std::string> split_parameter(const std::string& text);

/// Error(usage) if the file that --NAME names for writing is one that the command reads (a field, the noise, a file of
/// --param) or the file of another option for writing (`others`), however they are spelt.
void require_file_of_its_own(const Options& options, const std::string& name, const std::vector<std::string>& others);

/// Collective. Error(bad_input), the same on every rank, unless all have the same text: files of one path may differ
/// from machine to machine. `what`: "solver and model".
void require_same_everywhere(parallel::Communicator& communicator, const std::string& what, const std::string& text);

/// Throws Error(file_system) unless a file can be made in the folder that `target` lies in: better before the work than
/// after it.
void require_writable_folder_of(const std::string& target);

}  // namespace pathline::tools
