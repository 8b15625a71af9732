#include "trainer/parallel/engine/flat_layout.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "core/error.h"

namespace pathline::parallel {
namespace {

// Every parameter starts on a cache line, and vector code never meets a tail.
constexpr std::int64_t kAlignment = 16;  // floats
constexpr std::int64_t kNormBlock = 8192;

std::int64_t align(std::int64_t values) {
  return (values + kAlignment - 1) / kAlignment * kAlignment;
}

std::vector<std::size_t> last_first(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  return order;
}

std::size_t as_size(std::int64_t value) {
  return static_cast<std::size_t>(value);
}

}  // namespace

FlatLayout::FlatLayout(const NamedParameters& parameters) : FlatLayout(parameters, last_first(parameters.size())) {}

FlatLayout::FlatLayout(const NamedParameters& parameters, std::vector<std::size_t> order) : order_(std::move(order)) {
  if (order_.size() != parameters.size()) throw std::logic_error("the order is not one of these parameters");
  if (!parameters.empty()) device_ = parameters.front().second.device();
  for (const auto& [name, tensor] : parameters) {
    if (tensor.scalar_type() != at::kFloat || !tensor.is_non_overlapping_and_dense()) {
      throw Error(ExitCode::usage, "only dense float32 parameters can be trained", "parameter " + name);
    }
    if (tensor.device() != device_) {
      throw Error(ExitCode::usage, fmt::format("is on {}, others are on {}", tensor.device().str(), device_.str()),
                  "parameter " + name, "move the whole module to one device");
    }
    entries_.push_back({name, tensor.sizes().vec(), tensor.strides().vec(), 0, tensor.numel()});
    count_ += tensor.numel();
  }
  for (const std::size_t index : order_) {
    entries_.at(index).offset = size_;
    size_ += align(entries_[index].values);
  }
}

at::Tensor FlatLayout::make_buffer() const {
  return at::zeros({size_}, at::TensorOptions(at::kFloat).device(device_));
}

at::Tensor FlatLayout::view(const at::Tensor& buffer, std::size_t index) const {
  const Entry& entry = entries_[index];
  return buffer.as_strided(entry.sizes, entry.strides, buffer.storage_offset() + entry.offset);
}

NamedParameters FlatLayout::views(const at::Tensor& buffer, const std::string& prefix) const {
  NamedParameters views;
  for (std::size_t i = 0; i < entries_.size(); ++i) views.emplace_back(prefix + entries_[i].name, view(buffer, i));
  return views;
}

std::span<float> span_of(const at::Tensor& buffer) {
  return {buffer.mutable_data_ptr<float>(), static_cast<std::size_t>(buffer.numel())};
}

at::Tensor flatten_parameters(const FlatLayout& layout, const NamedParameters& parameters) {
  const at::NoGradGuard no_grad;
  at::Tensor buffer = layout.make_buffer();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor view = layout.view(buffer, i);
    at::Tensor parameter = parameters[i].second;
    view.copy_(parameter);
    parameter.set_data(view);
  }
  return buffer;
}

at::Tensor moved(const at::Tensor& buffer, const FlatLayout& from, const FlatLayout& to) {
  const at::NoGradGuard no_grad;
  at::Tensor result = to.make_buffer();
  for (std::size_t i = 0; i < to.entries().size(); ++i) to.view(result, i).copy_(from.view(buffer, i));
  return result;
}

std::vector<Bucket> plan_buckets(const FlatLayout& layout, std::size_t first_bytes, std::size_t bytes) {
  if (bytes == 0) {
    constexpr std::size_t kMost = std::size_t{25} << 20;
    bytes = std::min(std::max(as_size(layout.size()) * sizeof(float) / 16, first_bytes), std::max(kMost, first_bytes));
  }
  const std::size_t count = layout.order().size();
  const auto entry_bytes = [&](std::size_t position) {
    return as_size(align(layout.entries()[layout.order()[position]].values)) * sizeof(float);
  };
  // The last bucket is full only when backward has ended: nothing hides it, so it is kept small, too.
  std::size_t tail = count;
  for (std::size_t held = 0; tail > 1 && held + entry_bytes(tail - 1) <= first_bytes; --tail)
    held += entry_bytes(tail - 1);

  std::vector<Bucket> buckets;
  std::size_t held = 0;  // bytes of the newest bucket
  for (std::size_t position = 0; position < count; ++position) {
    const std::size_t limit = buckets.size() <= 1 ? first_bytes : bytes;
    if (buckets.empty() || position == tail || held + entry_bytes(position) > limit) {
      const auto start = as_size(layout.entries()[layout.order()[position]].offset);
      buckets.push_back({position, position, {start, 0}});
      held = 0;
    }
    held += entry_bytes(position);
    buckets.back().last = position + 1;
    buckets.back().range.count = held / sizeof(float);
  }
  return buckets;
}

BlockNorm::BlockNorm(const FlatLayout& layout) {
  for (const FlatLayout::Entry& entry : layout.entries()) {
    for (std::int64_t at = 0; at < entry.values; at += kNormBlock) {
      blocks_.push_back({as_size(entry.offset + at), as_size(std::min(kNormBlock, entry.values - at))});
      boundaries_.push_back(blocks_.back().offset);
    }
  }
  std::sort(boundaries_.begin(), boundaries_.end());
  boundaries_.push_back(as_size(layout.size()));
}

std::vector<Slice> BlockNorm::slices(const Bucket& bucket, int ranks) const {
  const std::size_t begin = bucket.range.offset, end = begin + bucket.range.count;
  std::vector<Slice> slices;
  std::size_t start = begin;
  for (int rank = 1; rank <= ranks; ++rank) {
    const std::size_t even =
        begin + bucket.range.count * static_cast<std::size_t>(rank) / static_cast<std::size_t>(ranks);
    std::size_t stop = end;
    if (rank < ranks) {
      stop = *std::lower_bound(boundaries_.begin(), boundaries_.end(), even);
      stop = std::clamp(stop, start, end);
    }
    slices.push_back({start - begin, stop - start});
    start = stop;
  }
  return slices;
}

std::vector<double> BlockNorm::partial(std::span<const float> buffer, std::span<const Slice> owned) const {
  std::vector<Slice> sorted(owned.begin(), owned.end());
  std::sort(sorted.begin(), sorted.end(), [](const Slice& a, const Slice& b) { return a.offset < b.offset; });
  const auto is_owned = [&](const Slice& block) {
    auto after = std::upper_bound(sorted.begin(), sorted.end(), block.offset,
                                  [](std::size_t offset, const Slice& slice) { return offset < slice.offset; });
    return after != sorted.begin() && block.offset < std::prev(after)->offset + std::prev(after)->count;
  };
  std::vector<double> sums(blocks_.size(), 0.0);
  at::parallel_for(0, static_cast<std::int64_t>(blocks_.size()), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto index = as_size(first); index < as_size(last); ++index) {
      const Slice block = blocks_[index];
      if (!is_owned(block)) continue;
      const float* values = buffer.data() + block.offset;
      double lanes[4] = {0, 0, 0, 0};  // four chains keep the adder busy
      std::size_t i = 0;
      for (; i + 4 <= block.count; i += 4) {
        for (std::size_t k = 0; k < 4; ++k) lanes[k] += double{values[i + k]} * values[i + k];
      }
      for (; i < block.count; ++i) lanes[0] += double{values[i]} * values[i];
      sums[index] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
  });
  return sums;
}

double BlockNorm::total(std::span<const double> partial) {
  double total = 0;
  for (const double sum : partial) total += sum;
  return std::sqrt(total);
}

}  // namespace pathline::parallel
