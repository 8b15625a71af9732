#pragma once
// The gradient channel over NCCL: collectives enqueued on a stream of its own, ordered against the computation by
// events; the host never waits for the device. A small thread watches what is under way: it tells the watchdog what has
// been completed, and when NCCL or the device reports an error it aborts the communicator; the next call then throws
// Error(peer). Needs no LibTorch. Thread-safety: as GradientChannel. Ownership: the values handed in must live until
// they were waited for (order_after(), then the computing stream), or longer than the channel.
//
// End of life: the destructor waits until all is done, then takes things down in the one order that NVIDIA documents
// (see NcclChannel::close in the source); while an exception is passing it aborts instead, for the other ranks may
// never arrive.

#include <memory>

#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/nccl/cuda_api.h"
#include "trainer/parallel/nccl/device_hooks.h"
#include "trainer/parallel/nccl/nccl_comm.h"
#include "trainer/parallel/watchdog.h"

namespace pathline::parallel {

/// How long the ends of a channel's life may take, in seconds.
struct NcclPatience {
  double start = 1800;   ///< until all ranks have the communicator
  double finish = 1800;  ///< until all ranks have come to the end
  double abort = 10;     ///< until ncclCommAbort returns
};

/// Collective over the ranks of `control`. REQUIRES: `cuda`, `nccl`, `watchdog` outlive the channel. `device` is this
/// rank's. Errors as start_nccl_comm().
std::unique_ptr<GradientChannel> make_nccl_channel(Communicator& control, Watchdog& watchdog, const CudaApi& cuda,
                                                   const NcclApi& nccl, int device, DeviceHooks hooks,
                                                   const NcclPatience& patience);

}  // namespace pathline::parallel
