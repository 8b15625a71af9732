#include "trainer/parallel/flat_gradients.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
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

}  // namespace

FlatLayout::FlatLayout(const NamedParameters& parameters) {
  for (const auto& [name, tensor] : parameters) {
    if (tensor.scalar_type() != at::kFloat || !tensor.is_non_overlapping_and_dense()) {
      throw Error(ExitCode::usage, "only dense float32 parameters can be trained", "parameter " + name);
    }
    entries_.push_back({name, tensor.sizes().vec(), tensor.strides().vec(), size_, tensor.numel()});
    size_ += align(tensor.numel());
    count_ += tensor.numel();
  }
}

at::Tensor FlatLayout::make_buffer() const {
  return at::zeros({size_}, at::kFloat);
}

at::Tensor FlatLayout::view(const at::Tensor& buffer, std::size_t index) const {
  const Entry& entry = entries_[index];
  return buffer.as_strided(entry.sizes, entry.strides, entry.offset);
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

FlatGradients::FlatGradients(const FlatLayout& layout, const NamedParameters& parameters)
    : parameters_(parameters), buffer_(layout.make_buffer()) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].second.mutable_grad() = layout.view(buffer_, i);
  }
}

void FlatGradients::zero() {
  buffer_.zero_();
}

void FlatGradients::check_views() const {
  const auto* begin = buffer_.const_data_ptr<float>();
  const auto* end = begin + buffer_.numel();
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    const auto* at = gradient.defined() ? gradient.const_data_ptr<float>() : nullptr;
    if (at == nullptr || at < begin || at >= end) {
      throw std::logic_error("the gradient of " + name + " has left the flat buffer");
    }
  }
}

double global_norm(std::span<const float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::int64_t blocks = (count + kNormBlock - 1) / kNormBlock;
  std::vector<double> partial(static_cast<std::size_t>(blocks));
  at::parallel_for(0, blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t end = std::min(count, (block + 1) * kNormBlock);
      double sums[4] = {0, 0, 0, 0};  // four chains keep the adder busy
      std::int64_t i = block * kNormBlock;
      for (; i + 4 <= end; i += 4) {
        for (std::int64_t k = 0; k < 4; ++k) {
          const double value = values[static_cast<std::size_t>(i + k)];
          sums[k] += value * value;
        }
      }
      for (; i < end; ++i) sums[0] += double{values[static_cast<std::size_t>(i)]} * values[static_cast<std::size_t>(i)];
      partial[static_cast<std::size_t>(block)] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
  });
  double total = 0;
  for (const double sum : partial) total += sum;
  return std::sqrt(total);
}

}  // namespace pathline::parallel
