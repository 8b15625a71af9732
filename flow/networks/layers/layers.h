#pragma once
// The parameter-holding layers of a network, under torch's usual parameter names (weight, bias), and their seeded
// initialisation.
//
// They hold parameters only; how those are applied (memory format, fusion, precision) is decided by the blocks that own
// them. Thread-safety: reading is safe from several threads; initialise_weights() is not.

#include <cstdint>

#include <torch/nn/module.h>

namespace pathline::flow {

/// Where every parameter of a network comes from: zeros, or, while an OutlineScope of this thread lives, a tensor that
/// has a shape and no memory.
at::Tensor make_parameter(at::IntArrayRef sizes);

/// Networks made while one lives, by this thread, are outlines: names, shapes and dtypes of their parameters alone.
class OutlineScope {
 public:
  OutlineScope();
  ~OutlineScope();
  OutlineScope(const OutlineScope&) = delete;
  OutlineScope& operator=(const OutlineScope&) = delete;
};

/// A layer with a weight and a bias whose initial values follow from the weight's shape.
class WeightedLayer : public torch::nn::Module {
 public:
  enum class Initial {
    fan_in_uniform,  ///< U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weight and bias: what torch gives linear and
                     ///< convolution layers
    zero,            ///< weight and bias 0: the layer contributes nothing until trained
    unit,            ///< weight 1, bias 0: normalisation
    normal           ///< N(0, 1): embeddings
  };
  at::Tensor weight, bias;  // bias is undefined for embeddings
  Initial initial() const noexcept { return initial_; }

 protected:
  WeightedLayer(at::IntArrayRef weight_shape, std::int64_t bias_size, Initial initial);

 private:
  Initial initial_;
};

/// Square convolution with "same" padding (k - 1) / 2; weight [out, in, k, k].
class Conv2d final : public WeightedLayer {
 public:
  Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
         Initial initial = Initial::fan_in_uniform);
  /// x [B, in, H, W] -> [B, out, H / stride, W / stride].
  at::Tensor forward(const at::Tensor& x) const;

 private:
  std::int64_t stride_, padding_;
};

/// A linear map of the last dimension; weight [out, in].
class Linear final : public WeightedLayer {
 public:
  Linear(std::int64_t in, std::int64_t out);
  at::Tensor forward(const at::Tensor& x) const;
};

/// The same map under the parameter shape of a one-dimensional convolution of width 1: weight [out, in, 1].
class PointwiseConv1d final : public WeightedLayer {
 public:
  PointwiseConv1d(std::int64_t in, std::int64_t out, Initial initial = Initial::fan_in_uniform);
  /// tokens [B, T, in] (channels last) -> [B, T, out].
  at::Tensor forward(const at::Tensor& tokens) const;
};

/// Scale and offset of a group normalisation with 32 groups; applied by group_norm_silu().
class GroupNorm final : public WeightedLayer {
 public:
  static constexpr std::int64_t groups = 32;
  explicit GroupNorm(std::int64_t channels);
};

/// weight [rows, width].
class Embedding final : public WeightedLayer {
 public:
  Embedding(std::int64_t rows, std::int64_t width);
  /// index [B] int64 -> [B, width].
  at::Tensor forward(const at::Tensor& index) const;
};

/// A module whose children are named "0", "1", … as in torch's Sequential and ModuleList, or by words as in ModuleDict;
/// it has no forward of its own.
class ModuleGroup final : public torch::nn::Module {
 public:
  /// Registers `module` as the child `index`; gaps stand for layers without parameters.
  template <class Layer>
  std::shared_ptr<Layer> place(std::int64_t index, std::shared_ptr<Layer> module) {
    return place(std::to_string(index), std::move(module));
  }
  template <class Layer>
  std::shared_ptr<Layer> place(const std::string& name, std::shared_ptr<Layer> module) {
    return register_module(name, std::move(module));
  }
};

/// Gives every WeightedLayer below `root` its initial values: a pure function of (seed, full parameter name, shape), so
/// one layer's weights do not move when another is added. Draws come from core/random.h, Purpose::weights.
void initialise_weights(torch::nn::Module& root, std::uint64_t seed);

}  // namespace pathline::flow
