#pragma once
// Mixed precision for one scope: inside it, convolutions and matrix products run in bfloat16; parameters stay float32.
//
// Open it around the forward pass and the loss, not around backward(). Each parameter is converted once per scope
// (LibTorch's autocast weight cache), and the cache is dropped when the outermost guard ends, so that the next scope
// sees the updated weights. Thread-safety: the state is the calling thread's own.

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace pathline::flow {

class AutocastGuard {
 public:
  /// `enabled` false: everything in the scope runs in the dtype of its inputs, whatever surrounds it.
  AutocastGuard(c10::DeviceType device, bool enabled);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  c10::DeviceType device_;
  bool previous_enabled_, previous_cache_;
  c10::ScalarType previous_dtype_;
};

/// Autocast off for one scope, cheaply: for the few operations inside a network that must stay in float32.
class Float32Scope {
 public:
  Float32Scope() = default;

 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

}  // namespace pathline::flow
