#pragma once
// How training times are distributed over [0, 1] (t = 0 noise, t = 1 data). Docs: docs/method.md.
// Thread-safety: immutable.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "flow/method_table.h"

namespace pathline::flow {

/// What the time of one sample may depend on.
struct TimeDraw {
  double uniform = 0.5;  ///< the sample's own draw, in the open interval (0, 1)
  /// The sample is number `place` of the `count` of its global batch: for distributions that spread a batch evenly.
  std::uint64_t place = 0, count = 1;
};

class TimeDistribution {
 public:
  virtual ~TimeDistribution() = default;
  /// The word and arguments that make it: "logit-normal:0.3,1".
  virtual std::string text() const = 0;
  /// The quantile function: maps one uniform draw to a time, monotonically, so that the caller's random stream is all
  /// the randomness there is. REQUIRES: 0 < u < 1. In [0, 1].
  virtual double quantile(double u) const = 0;
  /// The time of a sample.
  virtual double time(const TimeDraw& draw) const { return quantile(draw.uniform); }
};

MethodTable<TimeDistribution> time_distributions();

/// "logit-normal:0.3,1". Throws Error(usage), without a place, for a text that names none.
std::shared_ptr<const TimeDistribution> make_time_distribution(std::string_view text);

}  // namespace pathline::flow
