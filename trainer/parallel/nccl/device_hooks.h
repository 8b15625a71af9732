#pragma once
// What a gradient channel on a device must be told by whoever computes there: nothing below trainer/parallel knows
// which stream LibTorch is using, and pathline has no device code of its own. All members may be empty. Thread-safety:
// called from the threads that call the channel; the owner makes them safe for that.

#include <cstdint>
#include <functional>
#include <span>

namespace pathline::parallel {

struct DeviceHooks {
  /// Whether tensors are on CUDA devices: what parallel.backend = auto goes by.
  bool training_on_cuda = false;
  /// The stream (cudaStream_t) that the calling thread computes on; empty or null: the default stream.
  std::function<void*()> current_stream;
  /// Both are needed for Compression::bf16, and only enqueue work on `stream`. round_to_bfloat16 returns device memory
  /// of values.size() bfloat16 numbers, which stays theirs in stream order until its next call.
  std::function<std::uint16_t*(std::span<const float> values, void* stream)> round_to_bfloat16;
  std::function<void(const std::uint16_t* halves, std::span<float> values, void* stream)> widen;
};

}  // namespace pathline::parallel
