#pragma once
// The CUDA runtime as pathline uses it: a table of the few functions that NCCL work needs, filled at run time, so that
// the same program runs where there is no CUDA; and owners of streams and events. For trainer/parallel/nccl_*.cpp.
// Thread-safety: the functions' own; the current device is a thread's, so each thread calls set_device first.

#include <string>

#include <cuda_runtime_api.h>

#include "trainer/parallel/nccl/dynamic_library.h"

namespace pathline::parallel {

struct CudaApi {
  decltype(&::cudaRuntimeGetVersion) runtime_get_version = nullptr;
  decltype(&::cudaGetErrorString) get_error_string = nullptr;
  decltype(&::cudaGetLastError) get_last_error = nullptr;
  decltype(&::cudaGetDeviceCount) get_device_count = nullptr;
  decltype(&::cudaSetDevice) set_device = nullptr;
  decltype(&::cudaDeviceGetPCIBusId) device_get_pci_bus_id = nullptr;
  decltype(&::cudaDeviceGetStreamPriorityRange) device_get_stream_priority_range = nullptr;
  decltype(&::cudaPointerGetAttributes) pointer_get_attributes = nullptr;
  decltype(&::cudaStreamCreateWithPriority) stream_create_with_priority = nullptr;
  decltype(&::cudaStreamDestroy) stream_destroy = nullptr;
  decltype(&::cudaStreamQuery) stream_query = nullptr;
  decltype(&::cudaStreamWaitEvent) stream_wait_event = nullptr;
  decltype(&::cudaEventCreateWithFlags) event_create_with_flags = nullptr;
  decltype(&::cudaEventDestroy) event_destroy = nullptr;
  decltype(&::cudaEventRecord) event_record = nullptr;
  decltype(&::cudaEventQuery) event_query = nullptr;

  std::string path;     ///< of the library
  std::string version;  ///< "13.0"

  /// Throws Error(peer) unless `result` is cudaSuccess: a device that fails under way is lost to the job.
  void check(cudaError_t result, const char* call) const;
};

/// `candidates`: see library_candidates(). Throws Error(usage): not found, functions missing, another major version
/// than this program was built for.
CudaApi load_cuda(const std::vector<std::string>& candidates);
/// The library's name for the loader: "libcudart.so.13".
std::string cuda_runtime_name();

/// A stream of the current device that does not wait for the default stream, with the highest priority: what is
/// waiting to be sent must not queue behind computation.
class CudaStream {
 public:
  explicit CudaStream(const CudaApi& cuda);
  ~CudaStream() { cuda_.stream_destroy(stream_); }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  cudaStream_t get() const noexcept { return stream_; }

 private:
  const CudaApi& cuda_;
  cudaStream_t stream_ = nullptr;
};

/// An event without timing, of the current device.
class CudaEvent {
 public:
  explicit CudaEvent(const CudaApi& cuda) : cuda_(cuda) {
    cuda_.check(cuda_.event_create_with_flags(&event_, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  }
  ~CudaEvent() { cuda_.event_destroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  void record(cudaStream_t stream) { cuda_.check(cuda_.event_record(event_, stream), "cudaEventRecord"); }
  /// `stream` goes on only after what was recorded. Returns at once.
  void hold_back(cudaStream_t stream) const {
    cuda_.check(cuda_.stream_wait_event(stream, event_, 0), "cudaStreamWaitEvent");
  }
  /// cudaSuccess, cudaErrorNotReady, or what went wrong on the device.
  cudaError_t query() const { return cuda_.event_query(event_); }

 private:
  const CudaApi& cuda_;
  cudaEvent_t event_ = nullptr;
};

}  // namespace pathline::parallel
