#pragma once
// The standard normal distribution in double precision. Thread-safety: pure functions.

namespace pathline::flow {

/// Phi(x), accurate in relative terms in the lower tail; for the upper tail use normal_cdf(-x).
double normal_cdf(double x) noexcept;

/// The x with Phi(x) = p, to a few units in the last place. REQUIRES: 0 < p < 1.
double normal_quantile(double p) noexcept;

}  // namespace pathline::flow
