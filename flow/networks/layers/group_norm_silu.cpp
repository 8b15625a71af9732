#include "flow/networks/layers/group_norm_silu.h"

#include <optional>
#include <stdexcept>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "flow/kernels/cpu/group_norm_silu_kernel.h"

namespace pathline::flow {

namespace {

constexpr double epsilon = 1e-5;

at::Tensor over_pixels(const at::Tensor& per_channel) {
  return per_channel.unsqueeze(-1).unsqueeze(-1);
}

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor empty_like_channels_last(const at::Tensor& x, std::int64_t channels) {
  return at::empty({x.size(0), channels, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
}

/// Element type in LibTorch's terms and in the kernels'.
struct FloatElements {
  using Kernel = float;
};
struct Bfloat16Elements {
  using Kernel = kernels::Bfloat16;
};

template <class Body>
void with_elements(const at::Tensor& x, Body body) {
  if (x.scalar_type() == at::kFloat) {
    body(FloatElements{});
  } else {
    body(Bfloat16Elements{});
  }
}

template <class T>
T* sample(const at::Tensor& tensor, std::int64_t index) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) + index * (tensor.numel() / tensor.size(0)) : nullptr;
}

kernels::NormShape shape_of(const at::Tensor& a, const at::Tensor& b, std::int64_t groups, bool silu) {
  return {.pixels = a.size(2) * a.size(3),
          .channels_a = a.size(1),
          .channels_b = b.defined() ? b.size(1) : 0,
          .groups = groups,
          .silu = silu,
          .epsilon = epsilon};
}

kernels::NormParameters parameters_of(const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& pre_add,
                                      const at::Tensor& scale, const at::Tensor& shift, std::int64_t index) {
  return {.weight = weight.const_data_ptr<float>(),
          .bias = bias.const_data_ptr<float>(),
          .pre_add = sample<float>(pre_add, index),
          .scale = sample<float>(scale, index),
          .shift = sample<float>(shift, index)};
}

class FusedNorm : public torch::autograd::Function<FusedNorm> {
 public:
  using Context = torch::autograd::AutogradContext;
  using MaybeTensor = std::optional<at::Tensor>;  // Function takes no undefined tensors

  /// Tensors: dense, channels_last or [B, C]; the modulation float32. Gives (y, x).
  static torch::autograd::variable_list forward(Context* context, const at::Tensor& a, const MaybeTensor& maybe_b,
                                                const at::Tensor& weight, const at::Tensor& bias,
                                                const MaybeTensor& maybe_pre_add, const MaybeTensor& maybe_scale,
                                                const MaybeTensor& maybe_shift, std::int64_t groups, bool silu) {
    const at::Tensor b = maybe_b.value_or(at::Tensor()), pre_add = maybe_pre_add.value_or(at::Tensor());
    const at::Tensor scale = maybe_scale.value_or(at::Tensor()), shift = maybe_shift.value_or(at::Tensor());
    const auto shape = shape_of(a, b, groups, silu);
    const auto batch = a.size(0);
    const at::Tensor y = empty_like_channels_last(a, shape.channels());
    const at::Tensor joined = b.defined() ? empty_like_channels_last(a, shape.channels()) : at::Tensor();
    const auto float_options = a.options().dtype(at::kFloat);
    const at::Tensor mean = at::empty({batch, groups}, float_options), rstd = at::empty({batch, groups}, float_options);
    with_elements(a, [&](auto elements) {
      using T = typename decltype(elements)::Kernel;
      at::parallel_for(0, batch, 1, [&](std::int64_t begin, std::int64_t end) {
        const at::Tensor scratch = at::empty({kernels::norm_forward_scratch(shape)}, float_options);
        for (std::int64_t i = begin; i < end; ++i) {
          const kernels::NormForward<T> work = {.a = sample<T>(a, i),
                                                .b = sample<T>(b, i),
                                                .y = sample<T>(y, i),
                                                .joined = sample<T>(joined, i),
                                                .mean = sample<float>(mean, i),
                                                .rstd = sample<float>(rstd, i),
                                                .scratch = scratch.data_ptr<float>()};
          kernels::norm_forward(shape, parameters_of(weight, bias, pre_add, scale, shift, i), work);
        }
      });
    });
    context->set_materialize_grads(false);
    context->save_for_backward({a, b, weight, bias, pre_add, scale, shift, mean, rstd});
    context->saved_data["groups"] = groups;
    context->saved_data["silu"] = silu;
    return {y, b.defined() ? joined : a};
  }

  static torch::autograd::variable_list backward(Context* context, torch::autograd::variable_list gradients) {
    if (at::GradMode::is_enabled()) throw std::logic_error("group_norm_silu is differentiable once on the CPU");
    const auto saved = context->get_saved_variables();
    const at::Tensor &a = saved[0], &b = saved[1], &weight = saved[2], &bias = saved[3], &pre_add = saved[4];
    const at::Tensor &scale = saved[5], &shift = saved[6], &mean = saved[7], &rstd = saved[8];
    if (!gradients[0].defined()) return gradient_of_input_only(a, b, gradients[1]);
    const auto shape = shape_of(a, b, context->saved_data["groups"].toInt(), context->saved_data["silu"].toBool());
    const auto batch = a.size(0), channels = shape.channels();
    const at::Tensor grad_y = channels_last(gradients[0]);
    const at::Tensor grad_through = gradients[1].defined() ? channels_last(gradients[1]) : at::Tensor();
    const at::Tensor grad_a = empty_like_channels_last(a, shape.channels_a);
    const at::Tensor grad_b = b.defined() ? empty_like_channels_last(b, shape.channels_b) : at::Tensor();
    const auto float_options = a.options().dtype(at::kFloat);
    const auto per_sample = [&](bool wanted) {
      return wanted ? at::empty({batch, channels}, float_options) : at::Tensor();
    };
    // Edges are counted over the tensors that are there.
    const std::size_t weight_edge = b.defined() ? 2 : 1;
    const at::Tensor grad_weight = per_sample(context->needs_input_grad(weight_edge));
    const at::Tensor grad_bias = per_sample(context->needs_input_grad(weight_edge + 1));
    const at::Tensor grad_pre_add = per_sample(pre_add.defined());
    const at::Tensor grad_scale = per_sample(scale.defined()), grad_shift = per_sample(scale.defined());
    with_elements(a, [&](auto elements) {
      using T = typename decltype(elements)::Kernel;
      at::parallel_for(0, batch, 1, [&](std::int64_t begin, std::int64_t end) {
        const at::Tensor scratch = at::empty({kernels::norm_backward_scratch(shape)}, float_options);
        for (std::int64_t i = begin; i < end; ++i) {
          const kernels::NormBackward<T> work = {.a = sample<T>(a, i),
                                                 .b = sample<T>(b, i),
                                                 .grad_y = sample<T>(grad_y, i),
                                                 .grad_through = sample<T>(grad_through, i),
                                                 .mean = sample<float>(mean, i),
                                                 .rstd = sample<float>(rstd, i),
                                                 .grad_a = sample<T>(grad_a, i),
                                                 .grad_b = sample<T>(grad_b, i),
                                                 .grad_weight = sample<float>(grad_weight, i),
                                                 .grad_bias = sample<float>(grad_bias, i),
                                                 .grad_pre_add = sample<float>(grad_pre_add, i),
                                                 .grad_scale = sample<float>(grad_scale, i),
                                                 .grad_shift = sample<float>(grad_shift, i),
                                                 .scratch = scratch.data_ptr<float>()};
          kernels::norm_backward(shape, parameters_of(weight, bias, pre_add, scale, shift, i), work);
        }
      });
    });
    const auto over_batch = [](const at::Tensor& shares) { return shares.defined() ? shares.sum(0) : at::Tensor(); };
    return {
        grad_a,       grad_b,      over_batch(grad_weight), over_batch(grad_bias), grad_pre_add, grad_scale, grad_shift,
        at::Tensor(), at::Tensor()};
  }

 private:
  static torch::autograd::variable_list gradient_of_input_only(const at::Tensor& a, const at::Tensor& b,
                                                               const at::Tensor& gradient) {
    torch::autograd::variable_list result(9);
    if (!gradient.defined()) return result;
    result[0] = gradient.narrow(1, 0, a.size(1));
    if (b.defined()) result[1] = gradient.narrow(1, a.size(1), b.size(1));
    return result;
  }
};

bool kernel_fits(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight) {
  const auto fits = [&](const at::Tensor& x) {
    return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
           x.size(1) % kernels::channel_block == 0 && x.numel() > 0;
  };
  return fits(a) && (!b.defined() || fits(b)) && weight.scalar_type() == at::kFloat;
}

std::optional<at::Tensor> dense_float(const at::Tensor& x) {
  if (!x.defined()) return std::nullopt;
  return x.to(at::kFloat).contiguous();
}

}  // namespace

NormResult group_norm_silu_reference(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight,
                                     const at::Tensor& bias, std::int64_t groups, const NormModulation& modulation,
                                     Activation activation) {
  const auto dtype = a.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const bool on_cpu = a.device().is_cpu();
  at::Tensor x = b.defined() ? at::cat({a, b}, 1) : a;
  if (on_cpu) x = channels_last(x);
  at::Tensor u = x.to(dtype);
  if (modulation.pre_add.defined()) u = u + over_pixels(modulation.pre_add.to(dtype));
  if (on_cpu) u = u.contiguous();  // group_norm is slow on channels_last
  at::Tensor z = at::group_norm(u, groups, weight.to(dtype), bias.to(dtype), epsilon);
  if (modulation.scale.defined()) {
    z = z * (1 + over_pixels(modulation.scale.to(dtype))) + over_pixels(modulation.shift.to(dtype));
  }
  if (activation == Activation::silu) z = at::silu(z);
  z = z.to(a.scalar_type());
  return {on_cpu ? channels_last(z) : z, x};
}

NormResult group_norm_silu(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight, const at::Tensor& bias,
                           std::int64_t groups, const NormModulation& modulation, Activation activation) {
  if (modulation.scale.defined() != modulation.shift.defined()) {
    throw std::logic_error("group_norm_silu: scale and shift must be given together");
  }
  if (!kernel_fits(a, b, weight)) {
    return group_norm_silu_reference(a, b, weight, bias, groups, modulation, activation);
  }
  const auto second = b.defined() ? std::optional<at::Tensor>(channels_last(b)) : std::nullopt;
  const auto result = FusedNorm::apply(channels_last(a), second, weight, bias, dense_float(modulation.pre_add),
                                       dense_float(modulation.scale), dense_float(modulation.shift), groups,
                                       activation == Activation::silu);
  return {result[0], result[1]};
}

}  // namespace pathline::flow
