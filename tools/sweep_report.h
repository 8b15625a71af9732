#pragma once
// What a sweep found, as sweep.csv (docs/formats/sweeps.md) and as report.html: one self-contained page with a
// work-precision plot, pictures per solver and budget, the table and how things were counted. Pure text; no LibTorch.
// Thread-safe.

#include <cstdint>
#include <string>
#include <vector>

namespace pathline::tools {

/// One solver at one budget: a row of sweep.csv.
struct SweepCell {
  std::string solver, version, plugin_sha256, params;  ///< params: "name=value;…", every parameter with the value used
  int order = 0;
  bool adaptive = false;
  std::string grid;           ///< "" for adaptive solvers, which choose their own steps
  std::int64_t steps = 0;     ///< 0 for adaptive solvers
  double rtol = 0, atol = 0;  ///< 0 for fixed-step solvers
  double evaluations = 0;     ///< of the field, per sample
  double network_passes = 0;  ///< evaluations × passes per evaluation (2 when guided)
  double accepted = 0, rejected = 0;
  std::string status;  ///< "done", or why the solver stopped
  double t_final = 0;
  double rms_error = 0, max_error = 0;  ///< of the endpoint against the reference; meaningless unless done
  double seconds = 0, solver_seconds = 0;
  std::string message;    ///< of a failed cell
  std::string strip_png;  ///< PNG file contents; empty for failed cells

  bool done() const { return status == "done"; }
  std::string budget() const;  ///< "8 steps" or "rtol 0.001"
};

/// What all cells share.
struct SweepSetting {
  std::string model;  ///< path of the checkpoint or field
  std::string model_sha256;
  std::string weights, precision, dtype, device, guidance, labels;
  std::int64_t count = 0, batch = 0;
  std::uint64_t seed = 0;
  std::string initial;
  int threads = 0, ranks = 1;
  std::string shape;  ///< "1 × 28 × 28"
  int passes_per_evaluation = 1;
  std::string reference;             ///< what errors are measured against, in words
  double reference_uncertainty = 0;  ///< RMS; 0 when exact
  std::string reference_png;
  std::string command;   ///< that made it
  std::string versions;  ///< pathline and libraries
  std::string created;   ///< UTC, ISO 8601
};

/// sweep.csv: a header and a row per cell (RFC 4180).
std::string sweep_csv(const SweepSetting& setting, const std::vector<SweepCell>& cells);

/// report.html.
std::string sweep_report(const SweepSetting& setting, const std::vector<SweepCell>& cells);

/// The plot alone: log-log RMS error against evaluations per sample, a line per solver.
std::string work_precision_svg(const SweepSetting& setting, const std::vector<SweepCell>& cells);

}  // namespace pathline::tools
