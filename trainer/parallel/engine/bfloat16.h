#pragma once
// float32 to bfloat16 and back, for compressed gradients. bfloat16 is the upper half of a float32; rounding is to
// nearest, ties to even, and NaN stays NaN (its mantissa is not rounded up to infinity). Thread-safety: pure.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pathline::parallel {

inline std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);  // quiet NaN
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

inline float from_bfloat16(std::uint16_t half) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

/// REQUIRES, here and below: equal sizes.
inline void round_to_bfloat16(std::span<const float> values, std::span<std::uint16_t> halves) {
  for (std::size_t i = 0; i < values.size(); ++i) halves[i] = to_bfloat16(values[i]);
}

inline void widen(std::span<const std::uint16_t> halves, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = from_bfloat16(halves[i]);
}

inline void add_bfloat16(std::span<const std::uint16_t> halves, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += from_bfloat16(halves[i]);
}

}  // namespace pathline::parallel
