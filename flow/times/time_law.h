#pragma once
// How training times are distributed over [0, 1] (t = 0 noise, t = 1 data).
// Thread-safety: immutable.

#include <string>

namespace pathline::flow {

class TimeLaw {
 public:
  static TimeLaw uniform();
  /// t = sigmoid(mean + std * n), n ~ N(0, 1) (Esser et al., "Scaling Rectified Flow Transformers", 2024). In our
  /// direction of time a positive mean favours times near the data. Throws Error(usage) unless mean is finite and std
  /// is finite and positive.
  static TimeLaw logit_normal(double mean, double std);
  /// "uniform" or "logit-normal"; `mean` and `std` are for the latter. Throws Error(usage) for other names.
  static TimeLaw from_name(const std::string& name, double mean = 0, double std = 1);

  /// The quantile function: maps one uniform draw to a time, monotonically, so that the caller's random stream is all
  /// the randomness there is. REQUIRES: 0 < u < 1.
  double time(double u) const;
  /// P(T <= t).
  double cdf(double t) const;
  /// For logs and provenance: "uniform", "logit-normal(mean 0, std 1)".
  std::string describe() const;

 private:
  enum class Kind { uniform, logit_normal };
  TimeLaw(Kind kind, double mean, double std) : kind_(kind), mean_(mean), std_(std) {}
  Kind kind_;
  double mean_, std_;
};

}  // namespace pathline::flow
