#pragma once
// The device hooks of programs that compute with LibTorch: its current stream, and conversions between float32 and
// Gradients to bfloat16 and back with LibTorch's own kernels. Needs no CUDA headers. Has not run on a GPU; the
// conversions are tested on the CPU, where there is no stream. Thread-safety: one thread at a time; each object has a
// buffer of its own.

#include <cstdint>
#include <memory>
#include <span>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "trainer/parallel/nccl/device_hooks.h"

namespace pathline::parallel {

/// float32 to bfloat16 and back on one device, enqueued on the stream that is LibTorch's current one for the thread.
/// Rounding is to nearest, ties to even, as in bfloat16.h.
class WireConversion {
 public:
  explicit WireConversion(c10::Device device) : device_(device) {}

  /// `values`: memory of the device. The result is the device's memory too, values.size() numbers, and is overwritten,
  /// in stream order, by the next call.
  std::uint16_t* round_to_bfloat16(std::span<const float> values);
  /// REQUIRES: `halves` holds values.size() numbers.
  void widen(const std::uint16_t* halves, std::span<float> values) const;

 private:
  c10::Device device_;
  at::Tensor halves_;  // grows to the largest that was asked for
};

/// For training on CUDA: each call concerns the device that is current for the calling thread. The conversions throw
/// Error(usage) where LibTorch cannot compute on a stream that is not its own.
DeviceHooks cuda_device_hooks();

}  // namespace pathline::parallel
