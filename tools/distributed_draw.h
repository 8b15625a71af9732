#pragma once
// Samples drawn by all ranks of a job together, with the result of one process alone. Thread-safety: as
// sampling/sampler.h.

#include <functional>

#include "sampling/sampler.h"
#include "trainer/parallel/communicator.h"

namespace pathline::tools {

/// sampling::draw_samples() shared out over the ranks: `raw` is rank 0's, the reports are everybody's, in order.
/// Exceptions of the model come out on all ranks, and so does Error(stopped) once one of them was asked to stop.
/// Collective.
sampling::DrawResult draw_samples(sampling::VelocityModel& model, const solvers::Solver& solver,
                                  const sampling::DrawRequest& request, parallel::Communicator& communicator,
                                  const std::function<void(double)>& progress = {});

}  // namespace pathline::tools
