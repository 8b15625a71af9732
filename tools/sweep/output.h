#pragma once
// The files of a sweep (docs/formats/sweeps.md): sweep.csv and sweep.h5 for programs, report.html
// (tools/sweep/report.h) for people. No LibTorch. Thread-safe.

#include <filesystem>
#include <string>

#include "tools/sweep/results.h"

namespace pathline::tools {

/// sweep.csv: a header and a row per cell (RFC 4180).
std::string sweep_csv(const Sweep& sweep);

/// sweep.h5, written durably. Error(file_system) as core/durable_file.h.
void write_sweep_hdf5(const std::filesystem::path& target, const Sweep& sweep);

/// The samples of a strip ([shown, C, H, W]) side by side, as PNG; "" for an empty strip.
std::string strip_png(const std::vector<double>& strip, const SweepModel& model);

}  // namespace pathline::tools
