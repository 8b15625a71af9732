#include <cstdlib>

#include <fmt/format.h>
#include <mpi.h>

#include "core/error.h"
#include "trainer/parallel/communicator.h"
#include "trainer/parallel/mpi_communicator.h"

namespace pathline::parallel {
namespace {

/// Set by the launchers that speak PMI or PMIx (mpirun of Open MPI, MPICH and relatives, srun). SLURM_* alone does not
/// count: a batch script has those too.
bool launched_as_a_job() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MV2_COMM_WORLD_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

}  // namespace

MpiSession::MpiSession(int* argc, char*** argv) {
  if (!launched_as_a_job()) return;
  int provided = 0;
  if (MPI_Init_thread(argc, argv, MPI_THREAD_MULTIPLE, &provided) != MPI_SUCCESS) {
    throw Error(ExitCode::peer, "MPI could not start", "MPI_Init_thread");
  }
  active_ = true;
  if (provided < MPI_THREAD_MULTIPLE) {
    throw Error(ExitCode::usage,
                fmt::format("this MPI offers thread level {}, needed is MPI_THREAD_MULTIPLE", provided),
                "MPI_Init_thread", "use an Open MPI or MPICH built with full thread support");
  }
}

MpiSession::~MpiSession() {
  int finalized = 0;
  if (active_ && MPI_Finalized(&finalized) == MPI_SUCCESS && finalized == 0) MPI_Finalize();
}

std::unique_ptr<Communicator> MpiSession::communicator(const std::string& backend, double timeout_seconds) {
  if (backend != "auto" && backend != "self" && backend != "mpi") {
    throw Error(ExitCode::usage, fmt::format("unknown backend '{}'", backend), "parallel.backend",
                "one of auto, self, mpi");
  }
  if (backend == "mpi" && !active_) {
    throw Error(ExitCode::usage, "this process was not started by an MPI launcher", "parallel.backend",
                "start it with mpirun -n N pathline ..., or use parallel.backend = auto");
  }
  if (backend != "self" && active_) return make_mpi_communicator(timeout_seconds);
  if (active_) {
    int size = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size > 1) {
      throw Error(ExitCode::usage, fmt::format("{} processes were started, each would work on its own", size),
                  "parallel.backend", "use parallel.backend = auto, or start one process");
    }
  }
  return make_self_communicator();
}

}  // namespace pathline::parallel
