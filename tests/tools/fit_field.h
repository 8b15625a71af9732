#pragma once
// Fields for tests of fitting: any differentiable function of (t, y, labels).

#include <functional>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "flow/fields/mixture_field.h"
#include "tools/fit/trajectory.h"

namespace pathline::tools::test {

using Velocity = std::function<at::Tensor(double, const at::Tensor&, const at::Tensor&)>;

inline FitField fit_field(Velocity velocity) {
  FitField field;
  field.velocity = velocity;
  field.pull_back = [velocity](double t, const at::Tensor& y, const at::Tensor& labels, const at::Tensor& cotangent) {
    constexpr double h = 1e-5;
    const at::Tensor slope = (velocity(t + h, y, labels) - velocity(t - h, y, labels)) / (2 * h);
    const at::Tensor state = y.detach().requires_grad_(true);
    const at::AutoGradMode gradients(true);
    // Zero times the state, for fields that do not depend on it.
    const at::Tensor value = velocity(t, state, labels) + 0 * state;
    return std::pair(torch::autograd::grad({value}, {state}, {cotangent})[0], (slope * cotangent).sum().item<double>());
  };
  return field;
}

inline const flow::MixtureField& smooth_mixture() {
  static const flow::MixtureField field({0.4, 0.6}, {-1, 1}, {0.6, 0.8}, {1, 4, 4});
  return field;
}

inline FitField smooth_field() {
  return fit_field([](double t, const at::Tensor& y, const at::Tensor&) { return smooth_mixture().velocity(t, y); });
}

}  // namespace pathline::tools::test
