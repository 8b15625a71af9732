#pragma once
// Running the cells of one model: each on one rank, alone, with its outcome kept as soon as it is known.
// Thread-safety: one thread.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tools/model_options.h"
#include "tools/sweep/plan.h"
#include "tools/sweep/reference.h"
#include "tools/sweep/store.h"

namespace pathline::tools {

struct RunSetting {
  const CellStore& store;
  parallel::Communicator& communicator;
  std::int64_t shown = 0;  ///< samples in a strip
  std::string title;       ///< of the progress line
};

/// The outcomes of `cells`, in order, on rank 0 (empty elsewhere). Cells found in the store are not run again.
/// Collective; `used` gets the key of every cell, on every rank. Error(stopped) after a request to stop, with the
/// finished cells kept.
std::vector<CellOutcome> run_cells(const std::vector<PlannedCell>& cells, OpenedModel& opened,
                                   const Reference& reference, const RunSetting& setting, std::set<std::string>& used);

/// First `shown` of [count, C, H, W], flat.
std::vector<double> strip_of(const at::Tensor& raw, std::int64_t shown);

}  // namespace pathline::tools
