#pragma once
// A small module for the tests of the gradient engine, and its gradients by autograd alone.

#include <cstdint>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "trainer/parallel/engine/flat_layout.h"
#include "trainer/parallel/engine/gradient_engine.h"

namespace pathline::test {

inline constexpr std::int64_t kIn = 20, kHidden = 50, kOut = 7, kBatch = 3;

/// Two layers whose values depend on `seed` only, and one parameter in another memory format.
struct Net : torch::nn::Module {
  explicit Net(std::uint64_t seed) {
    const auto values = [&seed](at::IntArrayRef sizes) {
      auto generator = at::make_generator<at::CPUGeneratorImpl>(seed++);
      return at::randn(sizes, generator, at::kFloat);
    };
    first = register_parameter("first", values({kHidden, kIn}));
    bias = register_parameter("bias", values({kHidden}));
    second = register_parameter("second", values({kOut, kHidden}).t().contiguous().t());
  }
  at::Tensor forward(const at::Tensor& x) const { return x.matmul(first.t()).add(bias).tanh().matmul(second.t()); }
  at::Tensor loss(std::uint64_t micro) const {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(1000 + micro);
    return forward(at::randn({kBatch, kIn}, generator, at::kFloat)).square().mean();
  }
  at::Tensor first, bias, second;
};

inline parallel::NamedParameters parameters_of(const torch::nn::Module& module) {
  parallel::NamedParameters parameters;
  for (const auto& item : module.named_parameters()) parameters.emplace_back(item.key(), item.value());
  return parameters;
}

/// Small buckets, so that there are several.
inline parallel::EngineSettings small_buckets(const std::string& reduction = "fast") {
  parallel::EngineSettings settings;
  settings.reduction = reduction;
  settings.first_bucket_bytes = 256;
  settings.bucket_bytes = 2048;
  return settings;
}

/// The gradient of the mean over all micro-batches, by autograd alone.
inline std::vector<at::Tensor> reference_gradients(std::uint64_t micro_batches) {
  Net net(1);
  for (std::uint64_t micro = 0; micro < micro_batches; ++micro)
    (net.loss(micro) / static_cast<double>(micro_batches)).backward();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : net.parameters()) gradients.push_back(parameter.grad().clone());
  return gradients;
}

}  // namespace pathline::test
