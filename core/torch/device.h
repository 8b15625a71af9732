#pragma once
// Which processor computes. LibTorch's CUDA part is loaded only when it is asked for, and before the first question
// about CUDA: the program links only the CPU part, and so runs on machines that have neither. Thread-safety: call it
// before threads use LibTorch.

#include <string>

#include <c10/core/Device.h>

namespace pathline {

/// Whether LibTorch can compute on CUDA here.
bool has_cuda_device();

/// `name`: "cpu"; "cuda"; or "auto", which is cuda where there is a device, else cpu. A rank gets the device of its
/// number among the ranks of its host, or the only one it sees. `may_share`: more ranks than devices are fine. Throws
/// Error(usage) at `place`.
c10::Device open_device(const std::string& name, int local_rank, bool may_share, const std::string& place);

}  // namespace pathline
