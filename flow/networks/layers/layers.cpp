#include "flow/networks/layers/layers.h"

#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>

#include "core/random.h"

namespace pathline::flow {

namespace {

thread_local int outlines = 0;

}  // namespace

at::Tensor make_parameter(at::IntArrayRef sizes) {
  return outlines > 0 ? at::empty(sizes, at::device(at::kMeta)) : at::zeros(sizes);
}

OutlineScope::OutlineScope() {
  ++outlines;
}

OutlineScope::~OutlineScope() {
  --outlines;
}

WeightedLayer::WeightedLayer(at::IntArrayRef weight_shape, std::int64_t bias_size, Initial initial)
    : initial_(initial) {
  weight = register_parameter("weight", make_parameter(weight_shape));
  if (bias_size > 0) bias = register_parameter("bias", make_parameter({bias_size}));
}

Conv2d::Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, Initial initial)
    : WeightedLayer({out, in, kernel, kernel}, out, initial), stride_(stride), padding_((kernel - 1) / 2) {}

at::Tensor Conv2d::forward(const at::Tensor& x) const {
  return at::conv2d(x, weight, bias, {stride_, stride_}, {padding_, padding_});
}

Linear::Linear(std::int64_t in, std::int64_t out) : WeightedLayer({out, in}, out, Initial::fan_in_uniform) {}

at::Tensor Linear::forward(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

PointwiseConv1d::PointwiseConv1d(std::int64_t in, std::int64_t out, Initial initial)
    : WeightedLayer({out, in, 1}, out, initial) {}

at::Tensor PointwiseConv1d::forward(const at::Tensor& tokens) const {
  return at::linear(tokens, weight.squeeze(-1), bias);
}

GroupNorm::GroupNorm(std::int64_t channels) : WeightedLayer({channels}, channels, Initial::unit) {}

Embedding::Embedding(std::int64_t rows, std::int64_t width) : WeightedLayer({rows, width}, 0, Initial::normal) {}

at::Tensor Embedding::forward(const at::Tensor& index) const {
  return at::embedding(weight, index);
}

namespace {

/// FNV-1a, 64 bit: a fixed, documented hash, so that initial weights are the same on every platform and in every
/// version.
std::uint64_t name_hash(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

void fill_uniform(at::Tensor& parameter, double bound, RandomStream random) {
  float* values = parameter.data_ptr<float>();
  for (std::int64_t i = 0; i < parameter.numel(); ++i)
    values[i] = static_cast<float>(bound * (2 * random.uniform() - 1));
}

}  // namespace

void initialise_weights(torch::nn::Module& root, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const auto stream = [&](const std::string& name) { return RandomStream(seed, Purpose::weights, 0, name_hash(name)); };
  for (const auto& item : root.named_modules("", /*include_self=*/false)) {
    const std::string& prefix = item.key();
    auto* layer = dynamic_cast<WeightedLayer*>(item.value().get());
    if (layer == nullptr) continue;
    switch (layer->initial()) {
      case WeightedLayer::Initial::zero:
        break;  // parameters are made as zeros
      case WeightedLayer::Initial::unit:
        layer->weight.fill_(1);
        break;
      case WeightedLayer::Initial::normal:
        stream(prefix + ".weight")
            .fill_normal(std::span(layer->weight.data_ptr<float>(), static_cast<std::size_t>(layer->weight.numel())));
        break;
      case WeightedLayer::Initial::fan_in_uniform: {
        const double bound = 1 / std::sqrt(static_cast<double>(layer->weight.numel() / layer->weight.size(0)));
        fill_uniform(layer->weight, bound, stream(prefix + ".weight"));
        fill_uniform(layer->bias, bound, stream(prefix + ".bias"));
        break;
      }
    }
  }
}

}  // namespace pathline::flow
