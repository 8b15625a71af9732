#pragma once
// A process's part in a job: starts MPI (MPI_THREAD_MULTIPLE) when it was launched by mpirun or srun, ends it when
// destroyed, and makes the communicators in between. Without a launcher the process is a job of its own.
// Thread-safety: the main thread.

#include <memory>
#include <string>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/nccl/device_hooks.h"

namespace pathline::parallel {

/// One per process.
class Session {
 public:
  Session(int* argc, char*** argv);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  bool active() const noexcept { return active_; }
  /// `backend`: "self", "mpi", "nccl", or "auto": nccl for several ranks that train on CUDA devices (`hooks` say so),
  /// else mpi when launched by mpirun, else self. Throws Error(usage) when it cannot be had. `timeout_seconds` > 0: a
  /// rank that waits longer than this in one operation ends the whole job with exit code 6
  /// (trainer/parallel/watchdog.h).
  std::unique_ptr<Communicator> communicator(const std::string& backend = "auto", double timeout_seconds = 0,
                                             const DeviceHooks& hooks = {});
  /// Over host memory: mpi when launched by mpirun, else self. Collective.
  std::unique_ptr<Communicator> communicator(const StallPolicy& policy);

 private:
  bool active_ = false;
};

}  // namespace pathline::parallel
