#pragma once
// Whether draws follow the distribution that they should.

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "core/random.h"
#include "flow/times/time_distribution.h"

namespace pathline::test {

inline constexpr int kDraws = 20000;
/// The 99.9 % quantile of the distance of kDraws draws from their own distribution is 1.95 / sqrt(n).
inline const double kDistanceBound = 1.95 / std::sqrt(kDraws);

/// Largest distance between the empirical distribution of kDraws times, drawn as training draws them, and `cdf`
/// (Kolmogorov-Smirnov statistic).
inline double distance(const flow::TimeDistribution& distribution, const std::function<double(double)>& cdf) {
  std::vector<double> times;
  for (int i = 0; i < kDraws; ++i) {
    RandomStream random(11, Purpose::time, 0, static_cast<std::uint64_t>(i));
    times.push_back(distribution.time({random.uniform(), static_cast<std::uint64_t>(i), kDraws}));
  }
  std::sort(times.begin(), times.end());
  double largest = 0;
  for (int i = 0; i < kDraws; ++i)
    largest = std::max(largest, std::abs(cdf(times[static_cast<std::size_t>(i)]) - (i + 0.5) / kDraws));
  return largest;
}

}  // namespace pathline::test
