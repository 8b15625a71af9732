#include "tools/velocity_model.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "flow/autocast.h"
#include "flow/mixture_field.h"

namespace pathline::tools {

namespace {

class NetworkModel final : public VelocityModel {
 public:
  NetworkModel(std::shared_ptr<flow::VelocityNetwork> network, at::Device device, const NetworkModelOptions& options)
      : VelocityModel(
            {network->settings().image_channels, network->settings().image_height, network->settings().image_width},
            network->settings().classes, at::kFloat, device, guided(options) ? 2 : 1),
        network_(std::move(network)),
        options_(options) {
    const auto& settings = network_->settings();
    if (options.guidance != 1 && (settings.classes == 0 || !settings.null_class)) {
      throw Error(ExitCode::usage,
                  settings.classes == 0
                      ? "the network is unconditional: there is no label to guide by"
                      : "the network was trained without dropped labels, so it has no unconditional velocity",
                  "--guidance", "leave --guidance out");
    }
    network_->to(device);
    network_->eval();
  }

  void velocity(double t, const at::Tensor& y, const at::Tensor& labels, at::Tensor& out) override {
    const std::int64_t batch = y.size(0);
    if (!times_.defined() || times_.size(0) != batch) {
      times_ = at::empty({batch}, y.options().dtype(at::kFloat));
      null_labels_ = at::full({batch}, classes(), y.options().dtype(at::kLong));
    }
    times_.fill_(t);
    const flow::AutocastGuard autocast(y.device().type(), options_.bf16);
    if (options_.guidance == 0) {
      out.copy_(network_->forward(y, times_, null_labels_));
      return;
    }
    const at::Tensor conditional = network_->forward(y, times_, labels);
    if (!guided(options_)) {
      out.copy_(conditional);
      return;
    }
    const at::Tensor unconditional = network_->forward(y, times_, null_labels_);
    at::sub_out(out, conditional, unconditional);
    out.mul_(options_.guidance).add_(unconditional);
  }

 private:
  static bool guided(const NetworkModelOptions& options) { return options.guidance != 1 && options.guidance != 0; }

  std::shared_ptr<flow::VelocityNetwork> network_;
  NetworkModelOptions options_;
  at::Tensor times_, null_labels_;  // kept from call to call: allocating them would count as solver overhead
};

class FieldModel final : public VelocityModel {
 public:
  FieldModel(flow::MixtureField field, at::ScalarType dtype, at::Device device)
      : VelocityModel({field.shape()[0], field.shape()[1], field.shape()[2]}, 0, dtype, device, 1),
        field_(std::move(field)) {}

  void velocity(double t, const at::Tensor& y, const at::Tensor&, at::Tensor& out) override {
    out.copy_(field_.velocity(t, y));
  }
  at::Tensor exact_endpoint(const at::Tensor& noise) const override { return field_.exact_endpoint(noise); }

 private:
  flow::MixtureField field_;
};

}  // namespace

at::Tensor VelocityModel::exact_endpoint(const at::Tensor&) const {
  return {};
}

std::unique_ptr<VelocityModel> make_network_model(std::shared_ptr<flow::VelocityNetwork> network, at::Device device,
                                                  const NetworkModelOptions& options) {
  return std::make_unique<NetworkModel>(std::move(network), device, options);
}

std::unique_ptr<VelocityModel> make_field_model(const std::filesystem::path& file, at::ScalarType dtype,
                                                at::Device device) {
  return std::make_unique<FieldModel>(flow::MixtureField::from_ini(file), dtype, device);
}

}  // namespace pathline::tools
