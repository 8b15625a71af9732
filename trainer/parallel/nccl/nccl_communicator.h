#pragma once
// The NCCL backend: agreement over host memory is another communicator's (MPI's); gradients travel between CUDA devices
// through NCCL (trainer/parallel/nccl/nccl_channel.h). One process per device. NCCL and the CUDA runtime are loaded
// when this is made. Thread-safety: as Communicator.

#include <memory>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/nccl/device_hooks.h"

namespace pathline::parallel {

/// Chooses this rank's device (docs/nccl.md) and makes it current. Collective over `control`. `timeout_seconds`: as
/// parallel.timeout; 0: for ever. Throws Error(usage), the same on every rank: a library is not to be had, there is no
/// device for a rank, or two ranks have the same.
std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control, double timeout_seconds,
                                                     DeviceHooks hooks);

}  // namespace pathline::parallel
