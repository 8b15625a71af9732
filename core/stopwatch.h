#pragma once
// How long something took, by a clock that never jumps. Thread-safety: a plain value.

#include <chrono>

namespace pathline {

class Stopwatch {
 public:
  /// Since it was made.
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace pathline
