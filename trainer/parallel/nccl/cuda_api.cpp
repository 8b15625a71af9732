#include "trainer/parallel/nccl/cuda_api.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pathline::parallel {

void CudaApi::check(cudaError_t result, const char* call) const {
  if (result == cudaSuccess) return;
  throw Error(ExitCode::peer, fmt::format("{} failed: {}", call, get_error_string(result)), "CUDA",
              "the device or its driver has failed (see dmesg for Xid lines); start the same command again to go on "
              "from the last checkpoint");
}

std::string cuda_runtime_name() {
  return fmt::format("libcudart.so.{}", CUDART_VERSION / 1000);
}

CudaApi load_cuda(const std::vector<std::string>& candidates) {
  const std::string hint =
      "install the CUDA runtime that LibTorch was built for, or name it in PATHLINE_CUDART_LIBRARY";
  DynamicLibrary library("CUDA runtime", candidates, hint);
  CudaApi cuda;
  library.find(cuda.runtime_get_version, "cudaRuntimeGetVersion");
  library.find(cuda.get_error_string, "cudaGetErrorString");
  library.find(cuda.get_last_error, "cudaGetLastError");
  library.find(cuda.get_device_count, "cudaGetDeviceCount");
  library.find(cuda.set_device, "cudaSetDevice");
  library.find(cuda.device_get_pci_bus_id, "cudaDeviceGetPCIBusId");
  library.find(cuda.device_get_stream_priority_range, "cudaDeviceGetStreamPriorityRange");
  library.find(cuda.pointer_get_attributes, "cudaPointerGetAttributes");
  library.find(cuda.stream_create_with_priority, "cudaStreamCreateWithPriority");
  library.find(cuda.stream_destroy, "cudaStreamDestroy");
  library.find(cuda.stream_query, "cudaStreamQuery");
  library.find(cuda.stream_wait_event, "cudaStreamWaitEvent");
  library.find(cuda.event_create_with_flags, "cudaEventCreateWithFlags");
  library.find(cuda.event_destroy, "cudaEventDestroy");
  library.find(cuda.event_record, "cudaEventRecord");
  library.find(cuda.event_query, "cudaEventQuery");
  library.require_all();
  cuda.path = library.path();

  int version = 0;
  if (cuda.runtime_get_version(&version) != cudaSuccess) version = 0;
  cuda.version = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  if (version / 1000 != CUDART_VERSION / 1000) {
    throw Error(ExitCode::usage,
                fmt::format("CUDA runtime {}, expected {}.x, which this pathline was built for", cuda.version,
                            CUDART_VERSION / 1000),
                cuda.path, hint);
  }
  return cuda;
}

CudaStream::CudaStream(const CudaApi& cuda) : cuda_(cuda) {
  int least = 0, greatest = 0;
  cuda_.check(cuda_.device_get_stream_priority_range(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  cuda_.check(cuda_.stream_create_with_priority(&stream_, cudaStreamNonBlocking, greatest),
              "cudaStreamCreateWithPriority");
}

}  // namespace pathline::parallel
