#pragma once
// The MPI backend: host buffers over MPI_COMM_WORLD's duplicate. Only trainer/parallel/mpi_*.cpp include mpi.h; this
// header does not. Thread-safety: as Communicator.

#include <memory>

#include "trainer/parallel/communicator.h"

namespace pathline::parallel {

/// REQUIRES: MPI is initialised. Collective over all ranks of the job.
std::unique_ptr<Communicator> make_mpi_communicator(const StallPolicy& policy);

}  // namespace pathline::parallel
