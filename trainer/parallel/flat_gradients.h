#pragma once
// One flat float32 buffer per quantity (parameters, gradients, moments, …), in which every parameter has its place: one
// collective, one optimizer call, one file instead of hundreds.
//
// FlatLayout is the plan: where each parameter lies. FlatGradients owns the gradient buffer and makes every parameter's
// .grad a view into it with the parameter's own strides, so that backward() accumulates in place and nothing is copied.
// Never set a .grad to none afterwards: autograd would then allocate its own; clear the buffer with zero().
// Thread-safety: as tensors.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pathline::parallel {

using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

class FlatLayout {
 public:
  struct Entry {
    std::string name;
    std::vector<std::int64_t> sizes, strides;
    std::int64_t offset = 0, values = 0;
  };

  /// Plans room for the parameters in their order. REQUIRES: float32, dense, not overlapping (any memory format).
  /// Throws Error(usage) naming the parameter otherwise.
  explicit FlatLayout(const NamedParameters& parameters);

  const std::vector<Entry>& entries() const noexcept { return entries_; }
  std::int64_t size() const noexcept { return size_; }              ///< floats, padding included
  std::int64_t parameter_count() const noexcept { return count_; }  ///< padding not included

  /// A new buffer of zeros.
  at::Tensor make_buffer() const;
  /// The part of `buffer` that belongs to entry `index`, with the parameter's sizes and strides.
  at::Tensor view(const at::Tensor& buffer, std::size_t index) const;
  /// All views with names, prefixed ("exp_avg." + name).
  NamedParameters views(const at::Tensor& buffer, const std::string& prefix = {}) const;

 private:
  std::vector<Entry> entries_;
  std::int64_t size_ = 0, count_ = 0;
};

/// The floats of a contiguous CPU buffer.
std::span<float> span_of(const at::Tensor& buffer);

/// Moves the parameters into one flat buffer, which it returns: each becomes a view, its values kept.
at::Tensor flatten_parameters(const FlatLayout& layout, const NamedParameters& parameters);

class FlatGradients {
 public:
  /// Points every parameter's .grad into its own buffer.
  FlatGradients(const FlatLayout& layout, const NamedParameters& parameters);

  const at::Tensor& buffer() const noexcept { return buffer_; }
  std::span<float> values() const { return span_of(buffer_); }
  void zero();
  /// Throws std::logic_error naming a parameter whose .grad no longer points into the buffer.
  void check_views() const;

 private:
  NamedParameters parameters_;
  at::Tensor buffer_;
};

/// sqrt(sum of squares), in double and in a fixed order whatever the number of threads. Not finite if any value is not.
double global_norm(std::span<const float> values);

}  // namespace pathline::parallel
