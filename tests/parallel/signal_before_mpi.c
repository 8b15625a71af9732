// A library for LD_PRELOAD: SIGUSR1 reaches the process in the moment before MPI starts. The moment is too short to be
// met from outside.

#include <mpi.h>
#include <signal.h>

// The standard's profiling interface: each MPI_Name may be replaced and goes on as PMPI_Name.
int MPI_Init_thread(int* argc, char*** argv, int required, int* provided) {
  raise(SIGUSR1);
  return PMPI_Init_thread(argc, argv, required, provided);
}
