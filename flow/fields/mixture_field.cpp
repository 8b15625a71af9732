#include "flow/fields/mixture_field.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "flow/fields/mixture_file.h"
#include "flow/fields/normal.h"

namespace pathline::flow {

MixtureField::MixtureField(std::vector<double> weights, std::vector<double> means, std::vector<double> sigmas,
                           std::vector<std::int64_t> shape, const std::string& place)
    : weights_(std::move(weights)), means_(std::move(means)), sigmas_(std::move(sigmas)), shape_(std::move(shape)) {
  check_mixture({weights_, means_, sigmas_, shape_}, place);
}

MixtureField MixtureField::from_ini(const std::filesystem::path& file) {
  Mixture read = read_mixture(file);
  return {std::move(read.weights), std::move(read.means), std::move(read.sigmas), std::move(read.shape), file.string()};
}

at::Tensor MixtureField::velocity(double t, const at::Tensor& x) const {
  // Constants per component, in double: log weight - log sqrt(q), 1 / (2 q), mean at t, and the coefficients of the
  // velocity.
  const std::size_t components = weights_.size();
  std::vector<double> log_factor(components), half_precision(components), centre(components), slope(components);
  for (std::size_t k = 0; k < components; ++k) {
    const double variance = sigmas_[k] * sigmas_[k], q = (1 - t) * (1 - t) + t * t * variance;
    log_factor[k] = std::log(weights_[k]) - 0.5 * std::log(q);
    half_precision[k] = 0.5 / q;
    centre[k] = t * means_[k];
    slope[k] = (t * variance - (1 - t)) / q;
  }
  const auto constants = [&](const std::vector<double>& values) {
    return at::tensor(at::ArrayRef<double>(values), x.options().dtype(at::kDouble).device(at::kCPU)).to(x.options());
  };
  const at::Tensor difference = x.unsqueeze(-1) - constants(centre);  // [..., components]
  const at::Tensor responsibility =
      at::softmax(constants(log_factor) - difference.square() * constants(half_precision), -1);
  return (responsibility * (constants(means_) + difference * constants(slope))).sum(-1);
}

double MixtureField::cdf(double x) const {
  double sum = 0;
  for (std::size_t k = 0; k < weights_.size(); ++k) sum += weights_[k] * normal_cdf((x - means_[k]) / sigmas_[k]);
  return sum;
}

double MixtureField::density(double x) const {
  double sum = 0;
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    const double z = (x - means_[k]) / sigmas_[k];
    sum += weights_[k] * std::exp(-0.5 * z * z) / (sigmas_[k] * std::sqrt(2 * std::numbers::pi));
  }
  return sum;
}

double MixtureField::exact_endpoint(double x0) const {
  if (!std::isfinite(x0)) return x0;
  // Each component alone would send x0 to mu_k + s_k x0; the mixture's quantile lies between the smallest and the
  // largest of these.
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (std::size_t k = 0; k < weights_.size(); ++k) {
    low = std::min(low, means_[k] + sigmas_[k] * x0);
    high = std::max(high, means_[k] + sigmas_[k] * x0);
  }
  // Work in the tail on x0's side, where probabilities keep their relative precision, and on their logarithms, where
  // Newton's method converges from afar: solve log T(x) = log Phi(-|x0|).
  const double side = x0 > 0 ? -1 : 1;
  const auto tail = [&](double x) {
    double sum = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k)
      sum += weights_[k] * normal_cdf(side * (x - means_[k]) / sigmas_[k]);
    return sum;
  };
  const double goal = std::log(normal_cdf(-std::abs(x0)));
  double x = 0.5 * (low + high);
  for (int i = 0; i < 200 && low < high; ++i) {
    const double value = tail(x), excess = std::log(value) - goal;
    if (excess == 0) break;
    (side * excess > 0 ? high : low) = x;  // the lower tail grows with x, the upper one falls
    double next = x - excess * value / (side * density(x));
    if (!(next > low && next < high)) next = 0.5 * (low + high);  // Newton left the bracket (or met 0/0): bisect
    if (next == x || std::abs(next - x) <= std::numeric_limits<double>::epsilon() * std::abs(x)) return next;
    x = next;
  }
  return x;
}

at::Tensor MixtureField::exact_endpoint(const at::Tensor& x0) const {
  const at::Tensor start = x0.to(at::kCPU, at::kDouble).contiguous();
  at::Tensor end = at::empty_like(start);
  const double* from = start.const_data_ptr<double>();
  double* to = end.mutable_data_ptr<double>();
  at::parallel_for(0, start.numel(), 1024, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) to[i] = exact_endpoint(from[i]);
  });
  return end.to(x0.options());
}

std::string MixtureField::describe() const {
  return fmt::format("mixture(weights {}; means {}; sigmas {})", fmt::join(weights_, ","), fmt::join(means_, ","),
                     fmt::join(sigmas_, ","));
}

}  // namespace pathline::flow
