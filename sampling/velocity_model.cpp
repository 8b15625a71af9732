#include "sampling/velocity_model.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "flow/autocast.h"
#include "flow/fields/mixture_field.h"
#include "flow/guidance/classifier_free.h"

namespace pathline::sampling {

namespace {

/// d<cotangent, values()> / d inputs, which require gradients; zero for those that the values do not depend on.
template <class Values>
torch::autograd::variable_list gradients_of(const torch::autograd::variable_list& inputs, const at::Tensor& cotangent,
                                            Values values) {
  const at::AutoGradMode gradients(true);
  const at::Tensor result = values();
  at::AutoGradMode off(false);
  auto found = torch::autograd::grad({result}, inputs, {cotangent}, /*retain_graph=*/false, /*create_graph=*/false,
                                     /*allow_unused=*/true);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i].defined()) found[i] = at::zeros_like(inputs[i]);
  }
  return found;
}

data::ImageShape picture_shape(const SampleShape& shape) {
  if (shape.kind() != SampleKind::picture)
    throw Error(ExitCode::bad_input,
                "expected a network of pictures, found one of samples of the kind " + shape.describe());
  return {shape.sizes()[0], shape.sizes()[1], shape.sizes()[2]};
}

/// A sampler has labels to give, and nothing else yet.
void require_labels_alone(const ConditionSpec& spec) {
  int labels = 0;
  for (const ConditionField& field : spec) {
    if (field.kind == ConditionField::Kind::label && labels++ == 0) continue;
    throw Error(ExitCode::usage,
                fmt::format("the network is conditioned on {}, and there is no way yet to give values of it",
                            shown(field.name)),
                {}, "only networks without conditions, or with a label alone, can be sampled");
  }
}

class NetworkModel final : public VelocityModel {
 public:
  NetworkModel(std::shared_ptr<flow::VelocityNetwork> network, const flow::FlowSpec& spec, at::Device device,
               const NetworkModelOptions& options)
      : VelocityModel(picture_shape(network->sample_shape()), network->settings().classes(), at::kFloat, device,
                      flow::classifier_free_passes(options.guidance)),
        network_(std::move(network)),
        path_(spec.path),
        prediction_(spec.prediction),
        options_(options) {
    const auto& settings = network_->settings();
    require_labels_alone(settings.condition);
    if (options.guidance != 1 && (settings.classes() == 0 || !settings.null_class())) {
      throw Error(ExitCode::usage,
                  settings.classes() == 0
                      ? "the network is unconditional: there is no label to guide by"
                      : "the network was trained without dropped labels, so it has no unconditional velocity",
                  "--guidance", "leave --guidance out");
    }
    network_->to(device);
    network_->eval();
  }

  std::string path() const override { return path_->text(); }

  void velocity(double t, const at::Tensor& y, const at::Tensor& labels, at::Tensor& out) override {
    prepare(y);
    times_.fill_(t);
    out.copy_(velocity_at(times_, y, labels));
  }

  std::pair<at::Tensor, double> pull_back(double t, const at::Tensor& y, const at::Tensor& labels,
                                          const at::Tensor& cotangent) override {
    prepare(y);
    const at::Tensor state = y.detach().requires_grad_(true);
    const at::Tensor times = at::full_like(times_, t).requires_grad_(true);
    const auto gradients = gradients_of({state, times}, cotangent, [&] { return velocity_at(times, state, labels); });
    return {gradients[0], gradients[1].sum().item<double>()};
  }

 private:
  void prepare(const at::Tensor& y) {
    const std::int64_t batch = y.size(0);
    if (times_.defined() && times_.size(0) == batch) return;
    times_ = at::empty({batch}, y.options().dtype(at::kFloat));
    if (has_null(network_->condition_spec()))
      null_condition_ = flow::null_condition(network_->condition_spec(), batch, y.device());
  }

  at::Tensor velocity_at(const at::Tensor& times, const at::Tensor& y, const at::Tensor& labels) {
    const flow::AutocastGuard autocast(y.device().type(), options_.bf16);
    const auto pass = [&](const flow::Condition& condition) {
      return prediction_->to_velocity(network_->forward(y, times, condition), y, times, *path_);
    };
    return flow::classifier_free(pass, flow::Condition(labels), null_condition_, options_.guidance);
  }

  static bool has_null(const ConditionSpec& spec) {
    return !spec.empty() && std::all_of(spec.begin(), spec.end(), [](const auto& field) { return field.has_null; });
  }

  std::shared_ptr<flow::VelocityNetwork> network_;
  std::shared_ptr<const flow::Path> path_;
  std::shared_ptr<const flow::Prediction> prediction_;
  NetworkModelOptions options_;
  // Kept from call to call: allocating them would count as solver overhead.
  at::Tensor times_;
  flow::Condition null_condition_;
};

class FieldModel final : public VelocityModel {
 public:
  FieldModel(flow::MixtureField field, at::ScalarType dtype, at::Device device)
      : VelocityModel({field.shape()[0], field.shape()[1], field.shape()[2]}, 0, dtype, device, 1),
        field_(std::move(field)) {}

  std::string path() const override { return "linear"; }
  void velocity(double t, const at::Tensor& y, const at::Tensor&, at::Tensor& out) override {
    out.copy_(field_.velocity(t, y));
  }
  std::pair<at::Tensor, double> pull_back(double t, const at::Tensor& y, const at::Tensor&,
                                          const at::Tensor& cotangent) override {
    const at::Tensor state = y.detach().requires_grad_(true);
    const auto gradients = gradients_of({state}, cotangent, [&] { return field_.velocity(t, state); });
    // The closed form takes its time as a number. A difference over [0, 1]: the field is asked nowhere else.
    constexpr double h = 1e-4;
    const double below = std::max(0.0, t - h), above = std::min(1.0, t + h);
    const at::Tensor slope = (field_.velocity(above, y) - field_.velocity(below, y)) / (above - below);
    return {gradients[0], (slope * cotangent).sum().item<double>()};
  }
  at::Tensor exact_endpoint(const at::Tensor& noise) const override { return field_.exact_endpoint(noise); }

 private:
  flow::MixtureField field_;
};

}  // namespace

at::Tensor VelocityModel::exact_endpoint(const at::Tensor&) const {
  return {};
}

std::unique_ptr<VelocityModel> make_network_model(std::shared_ptr<flow::VelocityNetwork> network,
                                                  const flow::FlowSpec& spec, at::Device device,
                                                  const NetworkModelOptions& options) {
  return std::make_unique<NetworkModel>(std::move(network), spec, device, options);
}

std::unique_ptr<VelocityModel> make_field_model(const std::filesystem::path& file, at::ScalarType dtype,
                                                at::Device device) {
  return std::make_unique<FieldModel>(flow::MixtureField::from_ini(file), dtype, device);
}

}  // namespace pathline::sampling
