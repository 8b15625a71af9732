#pragma once
// Sixteen floats at a time, in GCC's and Clang's portable vector types: one AVX-512 register, two of AVX2, four of SSE
// or NEON. Everything here is always inlined, so that it takes the instruction set of the function it is used in.

#include <cstdint>
#include <cstring>

#include "flow/kernels/cpu/group_norm_silu_kernel.h"

namespace pathline::flow::kernels {

#define PATHLINE_INLINE inline __attribute__((always_inline))

typedef float Float16 __attribute__((vector_size(64)));
typedef std::int32_t Int16 __attribute__((vector_size(64)));
typedef std::uint32_t Uint16 __attribute__((vector_size(64)));
typedef std::uint16_t Half16 __attribute__((vector_size(32)));

PATHLINE_INLINE Float16 splat(float value) {
  return Float16{} + value;
}

PATHLINE_INLINE Float16 load(const float* from) {
  Float16 v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

PATHLINE_INLINE Float16 load(const Bfloat16* from) {
  Half16 half;
  std::memcpy(&half, from, sizeof half);
  const Uint16 bits = __builtin_convertvector(half, Uint16) << 16;
  Float16 v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

PATHLINE_INLINE void store(float* to, Float16 v) {
  std::memcpy(to, &v, sizeof v);
}

/// Rounds to nearest, ties to even; NaN stays NaN (a plain carry could turn it into zero).
PATHLINE_INLINE void store(Bfloat16* to, Float16 v) {
  Uint16 bits;
  std::memcpy(&bits, &v, sizeof bits);
  const Uint16 rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const Uint16 quiet_nan = Uint16{} + 0x7fc0u;
  const Half16 half = __builtin_convertvector(v == v ? rounded : quiet_nan, Half16);
  std::memcpy(to, &half, sizeof half);
}

/// exp(x) to about 2 units in the last place over [-87, 88]; arguments outside are clamped, NaN gives NaN.
PATHLINE_INLINE Float16 exp(Float16 x) {
  x = x > 88.0f ? splat(88.0f) : x;
  x = x < -87.0f ? splat(-87.0f) : x;
  // x = n ln 2 + r, |r| <= ln 2 / 2; adding and subtracting 1.5 * 2^23 rounds to a whole number.
  const Float16 shifted = x * 1.44269504f + 12582912.0f;
  const Float16 n = shifted - 12582912.0f;
  const Float16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  // Taylor series to r^6 / 720: the remainder is below 1.2e-7 relative.
  Float16 p = r * (1.0f / 720) + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  Int16 exponent;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  exponent = (exponent - 0x4b400000 + 127) << 23;  // 2^n, from the low bits of `shifted`
  Float16 power;
  std::memcpy(&power, &exponent, sizeof power);
  return p * power;
}

PATHLINE_INLINE Float16 sigmoid(Float16 x) {
  return 1.0f / (1.0f + exp(-x));
}

}  // namespace pathline::flow::kernels
