#include "trainer/parallel/nccl/torch_device_hooks.h"

#include <optional>

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "core/error.h"

namespace pathline::parallel {
namespace {

using c10::impl::VirtualGuardImpl;

/// A view of memory that somebody else keeps. LibTorch takes no pointer to const; nothing here writes through one.
at::Tensor view_of(const void* data, std::size_t count, at::ScalarType type, c10::Device device) {
  return at::for_blob(const_cast<void*>(data), {static_cast<std::int64_t>(count)})
      .options(at::TensorOptions().dtype(type).device(device))
      .target_device(device)
      .make_tensor();
}

/// Makes a stream that LibTorch has not made its current one, for this thread and as long as it lives.
class OnStream {
 public:
  OnStream(const VirtualGuardImpl& cuda, c10::Device device, void* stream) : cuda_(cuda) {
    // What at::cuda::getStreamFromExternal does, whose header needs CUDA's: a stream from elsewhere is known by its
    // own address. The way back shows whether that still holds.
    const c10::Stream wanted(c10::Stream::UNSAFE, device, reinterpret_cast<std::intptr_t>(stream));
    if (cuda.getStreamNativeHandle(wanted) != stream) {
      throw Error(ExitCode::usage, "this LibTorch does not compute on streams of others", "parallel.wire",
                  "use parallel.wire = fp32");
    }
    before_ = cuda_.exchangeStream(wanted);
  }
  ~OnStream() { cuda_.exchangeStream(*before_); }
  OnStream(const OnStream&) = delete;
  OnStream& operator=(const OnStream&) = delete;

 private:
  const VirtualGuardImpl& cuda_;
  std::optional<c10::Stream> before_;
};

}  // namespace

std::uint16_t* WireConversion::round_to_bfloat16(std::span<const float> values) {
  const at::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(values.size());
  if (!halves_.defined() || halves_.numel() < count) {
    halves_ = at::empty({count}, at::TensorOptions().dtype(at::kBFloat16).device(device_));
  }
  halves_.narrow(0, 0, count).copy_(view_of(values.data(), values.size(), at::kFloat, device_));
  return static_cast<std::uint16_t*>(halves_.data_ptr());
}

void WireConversion::widen(const std::uint16_t* halves, std::span<float> values) const {
  const at::NoGradGuard no_grad;
  view_of(values.data(), values.size(), at::kFloat, device_)
      .copy_(view_of(halves, values.size(), at::kBFloat16, device_));
}

DeviceHooks cuda_device_hooks() {
  DeviceHooks hooks;
  hooks.training_on_cuda = true;
  hooks.current_stream = [] {
    const VirtualGuardImpl cuda(c10::kCUDA);
    return cuda.getStream(cuda.getDevice()).native_handle();
  };
  // The buffer belongs to the stream it was first used on: LibTorch hands its memory out again in that stream's order,
  // so the one that is outgrown is safe to drop while the stream still reads it.
  const auto conversion = std::make_shared<std::optional<WireConversion>>();
  hooks.round_to_bfloat16 = [conversion](std::span<const float> values, void* stream) {
    const VirtualGuardImpl cuda(c10::kCUDA);
    const c10::Device device = cuda.getDevice();
    const OnStream on_stream(cuda, device, stream);
    if (!*conversion) conversion->emplace(device);
    return (*conversion)->round_to_bfloat16(values);
  };
  hooks.widen = [conversion](const std::uint16_t* halves, std::span<float> values, void* stream) {
    const VirtualGuardImpl cuda(c10::kCUDA);
    const OnStream on_stream(cuda, cuda.getDevice(), stream);
    (*conversion)->widen(halves, values);
  };
  return hooks;
}

}  // namespace pathline::parallel
