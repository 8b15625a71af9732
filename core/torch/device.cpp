#include "core/torch/device.h"

#include <ATen/Context.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include "core/error.h"

namespace pathline {

bool has_cuda_device() {
  return dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr && at::getNumGPUs() > 0;
}

c10::Device open_device(const std::string& name, int local_rank, bool may_share, const std::string& place) {
  const c10::Device cpu(c10::kCPU);
  if (name == "cpu") return cpu;
  const bool must = name == "cuda";
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    if (!must) return cpu;
    throw Error(ExitCode::usage, fmt::format("LibTorch's CUDA part cannot be loaded: {}", dlerror()), place,
                "use cpu, or install LibTorch with CUDA (tools/setup.sh --cuda)");
  }
  const auto devices = static_cast<int>(at::getNumGPUs());
  if (devices == 0) {
    if (!must) return cpu;
    throw Error(ExitCode::usage, "no CUDA device on this machine", place, "use cpu");
  }
  // A rank that sees one device only has been given it (CUDA_VISIBLE_DEVICES, Slurm's --gpus-per-task=1).
  if (local_rank >= devices && devices > 1 && !may_share) {
    throw Error(ExitCode::usage,
                fmt::format("this host has {} CUDA device(s), and a rank with number {} on it", devices, local_rank),
                place, fmt::format("start at most {} rank(s) per host", devices));
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(local_rank % devices));
}

}  // namespace pathline
