#pragma once
// A velocity field known in closed form: the straight path from N(0, 1) to a one-dimensional Gaussian mixture, applied
// to every coordinate on its own. The exact end point of each path is known too, so it tests solvers, sweeps and
// sampling without a network.
//
// Thread-safety: immutable.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pathline::flow {

class MixtureField {
 public:
  /// Throws Error(usage), naming `place`, unless there is one weight, mean and sigma per component, weights and sigmas
  /// are positive, the weights sum to 1 (to 1e-6) and `shape` is three positive numbers (C, H, W).
  MixtureField(std::vector<double> weights, std::vector<double> means, std::vector<double> sigmas,
               std::vector<std::int64_t> shape, const std::string& place = "mixture");

  /// Reads section [mixture] with the keys weights, means, sigmas and shape (comma-separated). Throws Error(usage) with
  /// file and line, or Error(file_system) if the file cannot be read.
  static MixtureField from_ini(const std::filesystem::path& file);

  /// v(x, t) = sum_k g_k (mu_k + c_k (x - t mu_k)), c_k = (t s_k^2 - (1 - t)) / q_k, q_k = (1 - t)^2 + t^2 s_k^2, with
  /// responsibilities g_k ~ w_k N(x; t mu_k, q_k). x of any shape, float32 or float64, any device; computed and
  /// returned in its dtype. 0 <= t <= 1.
  at::Tensor velocity(double t, const at::Tensor& x) const;

  /// Where the path that starts at x0 ends: F^-1(Phi(x0)), F the mixture's distribution function (a flow on the line
  /// keeps order). Found in double precision to rounding, then converted to x0's dtype and device.
  at::Tensor exact_endpoint(const at::Tensor& x0) const;
  double exact_endpoint(double x0) const;

  /// F(x) and the density at t = 1.
  double cdf(double x) const;
  double density(double x) const;

  const std::vector<double>& weights() const noexcept { return weights_; }
  const std::vector<double>& means() const noexcept { return means_; }
  const std::vector<double>& sigmas() const noexcept { return sigmas_; }
  /// {C, H, W}.
  const std::vector<std::int64_t>& shape() const noexcept { return shape_; }
  /// For provenance records: "mixture(weights 0.4,0.6; means -1,1; sigmas 0.6,0.8)".
  std::string describe() const;

 private:
  std::vector<double> weights_, means_, sigmas_;
  std::vector<std::int64_t> shape_;
};

}  // namespace pathline::flow
