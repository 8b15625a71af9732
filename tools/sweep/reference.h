#pragma once
// The endpoints that the errors of a sweep are measured against, and how far they can be trusted themselves.
//
// A closed-form field: its exact endpoints. A checkpoint: a tight dopri5 solution, or a fine Heun solution where dopri5
// does not arrive or the network computes in bfloat16; and a second, looser solution beside it. The RMS distance of the
// two bounds the error of the finer one from above, as long as the finer is the better of the two: no rate of
// convergence is assumed, and rounding, which tolerances do not see, is in it. Thread-safety: one thread.

#include <functional>
#include <string>

#include <ATen/core/Tensor.h>

#include "tools/model_options.h"
#include "tools/sweep/store.h"

namespace pathline::tools {

struct Reference {
  at::Tensor endpoint;      ///< [count, C, H, W] on the CPU, on every rank
  std::string description;  ///< in words
  std::string key;          ///< names it in the keys of cells
  double uncertainty = 0;   ///< RMS; 0 when exact
};

/// Everything about a model and its samples that results depend on, for keys of the store.
std::vector<std::pair<std::string, std::string>> describe_problem(const OpenedModel& opened);

/// Makes the reference, or takes its solutions from the store. Collective: batches are shared out among the ranks, with
/// the same result on any number of them. `used` gets the keys that it took from the store or put there. Error(stopped)
/// as draw_samples; Error(numerical) when nothing reaches t = 1.
Reference make_reference(OpenedModel& opened, double tolerance, const CellStore& store,
                         parallel::Communicator& communicator, std::set<std::string>& used);

}  // namespace pathline::tools
