#pragma once
// What a sweep found: plain numbers and pictures, as the store keeps them and the CSV, HDF5 and HTML files show them.
// No LibTorch. Thread-safety: plain values.

#include <cstdint>
#include <string>
#include <vector>

#include "data/pictures/image_shape.h"

namespace pathline::tools {

/// What running a cell gave; kept in the store, so that a sweep that was killed does not run it again.
struct CellOutcome {
  double evaluations = 0;  ///< of the field, per sample
  double accepted = 0, rejected = 0;
  std::string status;  ///< "done", or why the solver stopped
  double t_final = 0;
  std::string message;                     ///< of a failed cell
  double seconds = 0, solver_seconds = 0;  ///< of the integration, summed over batches
  int ranks = 1, host_ranks = 1;           ///< processes of the job, and of those on this machine, while it ran
  double rms_error = 0, max_error = 0;     ///< of the endpoints against the reference; meaningless unless done
  std::vector<double> sample_rms;          ///< RMS error of each sample; empty unless done
  std::vector<double> strip;               ///< the first endpoints, [shown, C, H, W]; empty unless done

  bool done() const { return status == "done"; }
};

/// One solver at one budget: a row of sweep.csv.
struct SweepCell {
  std::size_t model = 0;  ///< index into Sweep::models
  std::string solver, version, plugin_sha256, plugin_file;
  std::string params;  ///< "name=value;…", every parameter with the value used
  int order = 0;
  bool adaptive = false;
  bool stochastic = false;    ///< draws noise of its own, from the seed
  std::string grid;           ///< "" for adaptive solvers, which choose their own steps
  std::int64_t steps = 0;     ///< 0 for adaptive solvers
  double rtol = 0, atol = 0;  ///< 0 for fixed-step solvers
  CellOutcome outcome;

  bool done() const { return outcome.done(); }
  std::string budget() const;  ///< "8 steps" or "tolerance 0.001"
};

/// A model of the sweep, its samples and the reference that its cells are measured against.
struct SweepModel {
  std::string name;  ///< path of the checkpoint or field
  std::string sha256;
  std::string weights, precision, dtype, device, guidance, labels;
  std::int64_t batch = 0;
  int threads = 0;
  data::ImageShape shape;
  std::vector<double> mean, scale;  ///< of the data, per channel; empty: 127.5
  int passes_per_evaluation = 1;
  std::string reference;                ///< what errors are measured against, in words
  double reference_uncertainty = 0;     ///< RMS; 0 when exact
  std::vector<double> reference_strip;  ///< [shown, C, H, W]
  std::vector<double> noise_strip;      ///< [shown, C, H, W]

  bool closed_form() const { return weights.empty(); }
  std::string short_name() const;  ///< last part of the path, for headings
};

struct Sweep {
  std::vector<SweepModel> models;
  std::vector<SweepCell> cells;  ///< by model, then in the order of --solvers and budgets
  std::int64_t count = 0, shown = 0;
  std::uint64_t seed = 0;
  std::string initial;   ///< "FILE.h5:/dataset", or "" when the noise comes from the seed
  std::string command;   ///< that made it
  std::string versions;  ///< pathline and libraries
  std::string created;   ///< UTC, ISO 8601

  std::vector<const SweepCell*> cells_of(std::size_t model) const;
  double network_passes(const SweepCell& cell) const;
  /// Whether the cell's result depends on the seed: its samples start from that noise, or its solver draws some.
  bool uses_seed(const SweepCell& cell) const { return initial.empty() || cell.stochastic; }
  bool uses_seed() const;  ///< any of the cells
  /// Within three times the reference's own uncertainty: such an error says as much about the reference as about the
  /// solver.
  bool near_reference(const SweepCell& cell) const;
};

/// Linear interpolation between order statistics (NumPy's default); `fraction` in [0, 1]. NaN for no values.
double percentile(std::vector<double> values, double fraction);

}  // namespace pathline::tools
