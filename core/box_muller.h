#pragma once
// Two random words to two normal deviates, in plain IEEE 754 arithmetic: logarithm, sine and cosine of the system's
// library differ in the last bit between versions and processors, and a run's noise must not.
//
// What includes this must be compiled without contraction of a * b + c into one rounding (-ffp-contract=off), or
// machines with fused multiply-add would draw other last bits than those without. Pure functions.

#include <bit>
#include <cmath>
#include <cstdint>

namespace pathline {

/// -ln(u) for u = (bits + 1/2) / 2^32, by ln m = 2 atanh((m - 1) / (m + 1)) with m in [sqrt(1/2), sqrt(2)]; the series
/// ends where its terms are below 1e-17.
inline double minus_log(std::uint32_t bits) {
  const double odd = 2.0 * bits + 1.0;  // u * 2^33, exactly
  const auto pattern = std::bit_cast<std::uint64_t>(odd);
  // Adding the distance between 1 and sqrt(1/2) moves mantissas above sqrt(2) into the next exponent.
  constexpr std::uint64_t kShift = 0x3ff0000000000000u - 0x3fe6a09e667f3bcdu;
  const auto exponent = static_cast<int>((pattern + kShift) >> 52) - 1023;
  const double mantissa = std::bit_cast<double>(pattern - (static_cast<std::uint64_t>(exponent) << 52));
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double z = s * s;
  double series = 1.0 / 21.0;
  series = series * z + 1.0 / 19.0;
  series = series * z + 1.0 / 17.0;
  series = series * z + 1.0 / 15.0;
  series = series * z + 1.0 / 13.0;
  series = series * z + 1.0 / 11.0;
  series = series * z + 1.0 / 9.0;
  series = series * z + 1.0 / 7.0;
  series = series * z + 1.0 / 5.0;
  series = series * z + 1.0 / 3.0;
  const double log_mantissa = 2.0 * s + 2.0 * s * (z * series);
  constexpr double kLn2 = 0.693147180559945309417232121458;
  return (33 - exponent) * kLn2 - log_mantissa;
}

struct CosSin {
  double cos, sin;
};

/// cos and sin of 2 pi bits / 2^32: the quadrant is taken off as an integer, so the argument is exact; Taylor series on
/// [-pi/4, pi/4] whose first term left out is below 1e-17.
inline CosSin turn(std::uint32_t bits) {
  const std::uint32_t quadrant = (bits + 0x20000000u) >> 30;
  const auto rest = static_cast<std::int32_t>(bits - (quadrant << 30));
  constexpr double kUnit = 6.28318530717958647692528676656 / 4294967296.0;
  const double x = rest * kUnit;
  const double z = x * x;
  double s = 1.0 / 355687428096000.0;
  s = s * z - 1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  const double sine = x + x * (z * s);
  double c = 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  c = c * z - 1.0 / 2.0;
  const double cosine = 1.0 + z * c;
  const bool odd = quadrant & 1;
  const double near_cos = odd ? sine : cosine;
  const double near_sin = odd ? cosine : sine;
  return {quadrant == 1 || quadrant == 2 ? -near_cos : near_cos, quadrant >= 2 ? -near_sin : near_sin};
}

/// Box and Muller, "A note on the generation of random normal deviates", 1958.
template <class Real>
inline void normal_pair(std::uint32_t radius_bits, std::uint32_t angle_bits, Real& first, Real& second) {
  const double radius = std::sqrt(2.0 * minus_log(radius_bits));
  const auto [cosine, sine] = turn(angle_bits);
  first = static_cast<Real>(radius * cosine);
  second = static_cast<Real>(radius * sine);
}

}  // namespace pathline
