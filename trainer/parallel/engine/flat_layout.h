#pragma once
// One flat float32 buffer per quantity (parameters, gradients, moments, …), in which every parameter has its place: one
// collective per bucket, one optimizer call, one file instead of hundreds.
//
// FlatLayout is the plan: where each parameter lies. The entries are in the order of the parameters as given; their
// places follow `order`, so that gradients that are ready together lie together. Thread-safety: as tensors.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {

using NamedParameters = std::vector<std::pair<std::string, at::Tensor>>;

class FlatLayout {
 public:
  struct Entry {
    std::string name;
    std::vector<std::int64_t> sizes, strides;
    std::int64_t offset = 0, values = 0;
  };

  /// Plans room for the parameters, placed in the order given by `order` (a permutation of their indices).
  /// REQUIRES: float32, dense, not overlapping (any memory format), all on one device. Throws Error(usage) naming the
  /// parameter otherwise.
  FlatLayout(const NamedParameters& parameters, std::vector<std::size_t> order);
  /// The last parameter first: backward tends to finish them in this order.
  explicit FlatLayout(const NamedParameters& parameters);

  const std::vector<Entry>& entries() const noexcept { return entries_; }
  const std::vector<std::size_t>& order() const noexcept { return order_; }
  std::int64_t size() const noexcept { return size_; }              ///< floats, padding included
  std::int64_t parameter_count() const noexcept { return count_; }  ///< padding not included

  /// A new buffer of zeros, on the parameters' device.
  at::Tensor make_buffer() const;
  /// The part of `buffer` that belongs to entry `index`, with the parameter's sizes and strides.
  at::Tensor view(const at::Tensor& buffer, std::size_t index) const;
  /// All views with names, prefixed ("exp_avg." + name), in the order of the parameters.
  NamedParameters views(const at::Tensor& buffer, const std::string& prefix = {}) const;

 private:
  std::vector<Entry> entries_;
  std::vector<std::size_t> order_;
  std::int64_t size_ = 0, count_ = 0;
  at::Device device_ = at::kCPU;
};

/// The floats of a contiguous buffer; device memory if the buffer's is.
std::span<float> span_of(const at::Tensor& buffer);

/// Moves the parameters into one flat buffer, which it returns: each becomes a view, its values kept.
at::Tensor flatten_parameters(const FlatLayout& layout, const NamedParameters& parameters);
/// A buffer laid out as `to` with the contents of one laid out as `from`.
at::Tensor moved(const at::Tensor& buffer, const FlatLayout& from, const FlatLayout& to);

/// A run of consecutive parameters (in the layout's order) that is reduced in one collective.
struct Bucket {
  std::size_t first = 0, last = 0;  ///< positions in FlatLayout::order()
  Slice range;                      ///< floats of the flat buffer
};

/// Fills buckets in the layout's order: the first one and the last one up to `first_bytes`, the others up to `bytes`; a
/// parameter that is larger gets a bucket of its own. Buckets cover the buffer without gaps. `bytes` 0: a sixteenth of
/// the buffer, so that small models overlap as well as large ones, but at least `first_bytes` and at most 25 MiB, from
/// where on larger ones bring nothing (PyTorch's DistributedDataParallel has that limit, too).
std::vector<Bucket> plan_buckets(const FlatLayout& layout, std::size_t first_bytes, std::size_t bytes);

/// Squares are summed in blocks that depend on the parameters only, neither on the layout nor on who holds them.
class BlockNorm {
 public:
  explicit BlockNorm(const FlatLayout& layout);

  /// Cuts a bucket into one slice per rank (offsets within the bucket), even up to whole blocks.
  std::vector<Slice> slices(const Bucket& bucket, int ranks) const;
  /// Per block the sum of squares, in double and a fixed order; 0 for blocks outside `owned` (slices of the buffer that
  /// consist of whole blocks). Host memory.
  std::vector<double> partial(std::span<const float> buffer, std::span<const Slice> owned) const;
  /// sqrt of the sum over all blocks. Not finite if any value is not.
  static double total(std::span<const double> partial);

 private:
  std::vector<Slice> blocks_;            // in the order of the parameters
  std::vector<std::size_t> boundaries_;  // starts of blocks by offset, and the end of the buffer
};

}  // namespace pathline::parallel
