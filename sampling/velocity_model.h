#pragma once
// What a solver integrates: the velocity field of a network, guided or not, or of a closed-form mixture.
//
// Thread-safety: one VelocityModel per thread (it keeps work tensors from call to call).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>

#include "data/pictures/image_shape.h"
#include "flow/flow_spec.h"
#include "flow/networks/network.h"

namespace pathline::sampling {

/// dx/dt = v(x, t | label), of a network or in closed form.
class VelocityModel {
 public:
  virtual ~VelocityModel() = default;
  const data::ImageShape& shape() const noexcept { return shape_; }
  std::int64_t classes() const noexcept { return classes_; }  ///< 0: takes no labels
  at::ScalarType dtype() const noexcept { return dtype_; }    ///< of the states, float32 or float64
  const at::Device& device() const noexcept { return device_; }
  int passes_per_evaluation() const noexcept { return passes_; }  ///< forward passes for one velocity: 2 when guided
  /// The path that it is the velocity of, as in flow.path: "linear".
  virtual std::string path() const = 0;

  /// Velocity of the states `y` [B, C, H, W] at `t` into `out`; labels [B] int64 on device(), undefined when classes()
  /// is 0.
  virtual void velocity(double t, const at::Tensor& y, const at::Tensor& labels, at::Tensor& out) = 0;
  /// d<cotangent, v(y, t)> / dy, and / dt summed over the batch: one forward and one backward pass.
  virtual std::pair<at::Tensor, double> pull_back(double t, const at::Tensor& y, const at::Tensor& labels,
                                                  const at::Tensor& cotangent) = 0;
  /// Where the exact flow takes `noise` [B, C, H, W]; undefined when nobody knows.
  virtual at::Tensor exact_endpoint(const at::Tensor& noise) const;

 protected:
  VelocityModel(data::ImageShape shape, std::int64_t classes, at::ScalarType dtype, at::Device device, int passes)
      : shape_(shape), classes_(classes), dtype_(dtype), device_(device), passes_(passes) {}

 private:
  data::ImageShape shape_;
  std::int64_t classes_;
  at::ScalarType dtype_;
  at::Device device_;
  int passes_;
};

struct NetworkModelOptions {
  /// w of flow/guidance/classifier_free.h. Error(usage) for w != 1 when the network has no null class.
  double guidance = 1;
  bool bf16 = false;  ///< autocast to bfloat16 inside the network; states stay float32
};

/// The network is shared, put on `device` and used in evaluation mode; `spec` says what its output means. Label value
/// `classes` means "no label" where it has a null class.
std::unique_ptr<VelocityModel> make_network_model(std::shared_ptr<flow::VelocityNetwork> network,
                                                  const flow::FlowSpec& spec, at::Device device,
                                                  const NetworkModelOptions& options = {});
/// The closed-form mixture of a field file. Error(usage) for a file that is not one, Error(file_system) for one that
/// cannot be read.
std::unique_ptr<VelocityModel> make_field_model(const std::filesystem::path& file, at::ScalarType dtype,
                                                at::Device device = at::kCPU);

}  // namespace pathline::sampling
