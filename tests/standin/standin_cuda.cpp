// The CUDA runtime's functions that trainer/parallel calls. A device pointer is a host pointer. The default stream is
// the calling thread itself: what waits there waits on the host, so tensors in host memory see the order that a device
// would give them.

#include <cstdio>

#include <cuda_runtime_api.h>

#include "tests/standin/stream.h"
#include "tests/standin/world.h"

using standin::world;

extern "C" {

EXPORTED cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

EXPORTED const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorNoDevice ? "no CUDA-capable device is detected" : "stand-in device error";
}

EXPORTED cudaError_t cudaGetLastError() {
  return cudaSuccess;
}

EXPORTED cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(world().number("devices", -1, 8));
  return *count == 0 ? cudaErrorNoDevice : cudaSuccess;
}

EXPORTED cudaError_t cudaSetDevice(int) {
  return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  if (const int code = world().call("cudaDeviceGetPCIBusId")) return static_cast<cudaError_t>(code);
  std::snprintf(id, static_cast<std::size_t>(length), "0000:%02X:00.0",
                world().text("pci", -1) == "same" ? 1 : device + 1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

EXPORTED cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void*) {
  attributes->type = world().text("memory", -1) == "host" ? cudaMemoryTypeUnregistered : cudaMemoryTypeDevice;
  return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int) {
  if (const int code = world().call("cudaStreamCreateWithPriority")) return static_cast<cudaError_t>(code);
  if (flags != cudaStreamNonBlocking) world().misuse("a stream that waits for the default stream");
  *stream = new CUstream_st;
  world().count("streams", 1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  world().call("cudaStreamDestroy");
  delete stream;
  world().count("streams", -1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (stream == nullptr) return cudaSuccess;
  return stream->empty() ? cudaSuccess : cudaErrorNotReady;
}

EXPORTED cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (const int code = world().call("cudaStreamWaitEvent")) return static_cast<cudaError_t>(code);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(event->state->mutex);
    number = event->state->recorded;
  }
  if (stream == nullptr) {
    event->state->wait(number);
  } else {
    stream->touch("cudaStreamWaitEvent");
    stream->push([state = event->state, number] { state->wait(number); });
  }
  return cudaSuccess;
}

EXPORTED cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  if (stream == nullptr) {
    function(data);
  } else {
    stream->push([function, data] { function(data); });
  }
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  if (const int code = world().call("cudaEventCreateWithFlags")) return static_cast<cudaError_t>(code);
  if ((flags & cudaEventDisableTiming) == 0) world().misuse("an event that takes the time");
  *event = new CUevent_st;
  world().count("events", 1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventDestroy(cudaEvent_t event) {
  world().call("cudaEventDestroy");
  delete event;
  world().count("events", -1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (const int code = world().call("cudaEventRecord")) return static_cast<cudaError_t>(code);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(event->state->mutex);
    number = ++event->state->recorded;
  }
  if (stream == nullptr) {
    event->state->finish(number);
  } else {
    stream->touch("cudaEventRecord");
    stream->push([state = event->state, number] { state->finish(number); });
  }
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (world().device_broken) return cudaErrorIllegalAddress;
  const std::lock_guard lock(event->state->mutex);
  return event->state->done >= event->state->recorded ? cudaSuccess : cudaErrorNotReady;
}

}  // extern "C"
