#include "trainer/parallel/session.h"

#include <cstdlib>

#include <fmt/format.h>
#include <mpi.h>

#include "core/error.h"
#include "trainer/parallel/mpi/mpi_communicator.h"
#ifdef PATHLINE_WITH_NCCL
#include "trainer/parallel/nccl/nccl_communicator.h"
#endif

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

/// Open MPI announces what is larger than 64 KiB to the receiver before it sends it over TCP. The ranks of a collective
/// are all there with their memory, so each announcement only costs a turn of the network (docs/benchmarks.md). 1 MiB
/// is the share of a rank of two in a bucket of 2 MiB; beyond, the turn is small beside the sending. What the user has
/// set for mpirun stays.
void send_at_once_over_tcp() {
  for (const char* name : {"OMPI_MCA_btl_tcp_eager_limit", "OMPI_MCA_btl_tcp_rndv_eager_limit"})
    ::setenv(name, "1048576", /*overwrite=*/0);
}

}  // namespace

Session::Session(int* argc, char*** argv) {
  if (!launched_as_a_job()) return;
  send_at_once_over_tcp();
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

Session::~Session() {
  int finalized = 0;
  if (active_ && MPI_Finalized(&finalized) == MPI_SUCCESS && finalized == 0) MPI_Finalize();
}

std::unique_ptr<Communicator> Session::communicator(const std::string& backend, double timeout_seconds,
                                                    const DeviceHooks& hooks) {
  if (backend != "auto" && backend != "self" && backend != "mpi" && backend != "nccl") {
    throw Error(ExitCode::usage, fmt::format("unknown backend '{}'", backend), "parallel.backend",
                "one of auto, self, mpi, nccl");
  }
  if ((backend == "mpi" || backend == "nccl") && !active_) {
    throw Error(ExitCode::usage, "this process was not started by an MPI launcher", "parallel.backend",
                "start it with mpirun -n N pathline ..., or use parallel.backend = auto");
  }
  int size = 1;
  if (active_) MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (backend == "nccl" || (backend == "auto" && hooks.training_on_cuda && size > 1)) {
#ifdef PATHLINE_WITH_NCCL
    return make_nccl_communicator(make_mpi_communicator({.timeout_seconds = timeout_seconds}), timeout_seconds, hooks);
#else
    throw Error(ExitCode::usage, "this pathline was built without NCCL: nccl.h was not found when it was configured",
                "parallel.backend", "build it where NCCL and the CUDA runtime have their headers (docs/nccl.md)");
#endif
  }
  if (backend != "self" && active_) return make_mpi_communicator({.timeout_seconds = timeout_seconds});
  if (size > 1) {
    throw Error(ExitCode::usage, fmt::format("{} processes were started, each would work on its own", size),
                "parallel.backend", "use parallel.backend = auto, or start one process");
  }
  return make_self_communicator();
}

std::unique_ptr<Communicator> Session::communicator(const StallPolicy& policy) {
  return active_ ? make_mpi_communicator(policy) : make_self_communicator();
}

}  // namespace pathline::parallel
