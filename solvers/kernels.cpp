#include "solvers/kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#if defined(__x86_64__) && defined(__GNUC__)
#define PATHLINE_HAVE_AVX2_VARIANTS 1
#endif

// Bodies are forced inline into a baseline and an AVX2 wrapper, chosen at run time.
#define PATHLINE_INLINE [[gnu::always_inline]] inline

namespace pathline::solvers::kernels {
namespace {

bool has_avx2() {
#ifdef PATHLINE_HAVE_AVX2_VARIANTS
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
#else
  return false;
#endif
}

template <typename T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// All exponent bits set: infinite or NaN. On bits, because a sum of values would be a reduction that only -ffast-math
/// vectorises.
template <typename T>
PATHLINE_INLINE Bits<T> non_finite_bit(T value) {
  constexpr Bits<T> exponent = sizeof(T) == 4 ? Bits<T>(0x7f800000u) : Bits<T>(0x7ff0000000000000u);
  return (std::bit_cast<Bits<T>>(value) & exponent) == exponent ? 1 : 0;
}

// Linear combinations ------------------------------------------------------------------------------------------------

/// Last term first: solvers put the state first and its small increments after it, so these are added up among
/// themselves and the sum is rounded to the state's precision only once. (Sums in double would round no less often
/// where it matters, at 2-3 times the cost.)
template <typename T, std::size_t... K>
PATHLINE_INLINE bool combine(T* out, const double* coefficients, const T* const* terms, std::size_t size,
                             std::index_sequence<K...>) {
  const T c[] = {static_cast<T>(coefficients[K])...};
  const T* const x[] = {terms[K]...};
  Bits<T> bad = 0;
  // `out` may equal some x[k]; element i is read before it is written, so there is no dependency between iterations.
#pragma GCC ivdep
  for (std::size_t i = 0; i < size; ++i) {
    const T sum = ((c[K] * x[K][i]) + ...);  // right fold: a + (b + (c + d))
    out[i] = sum;
    bad |= non_finite_bit(sum);
  }
  return bad == 0;
}

/// Any number of terms in the same order, block by block, so that the running sums stay in the first-level cache.
template <typename T>
PATHLINE_INLINE bool combine_many(T* out, std::uint32_t count, const double* coefficients, const T* const* terms,
                                  std::size_t size) {
  constexpr std::size_t block = 512;
  T sums[block];
  Bits<T> bad = 0;
  for (std::size_t begin = 0; begin < size; begin += block) {
    const std::size_t length = std::min(block, size - begin);
    std::fill_n(sums, length, T(0));
    for (std::uint32_t k = count; k-- > 0;) {
      const T c = static_cast<T>(coefficients[k]);
      const T* const x = terms[k] + begin;
      for (std::size_t i = 0; i < length; ++i) sums[i] += c * x[i];
    }
    for (std::size_t i = 0; i < length; ++i) {
      out[begin + i] = sums[i];
      bad |= non_finite_bit(sums[i]);
    }
  }
  return bad == 0;
}

template <typename T>
PATHLINE_INLINE bool combine_any(T* out, std::uint32_t count, const double* c, const T* const* x, std::size_t size) {
  switch (count) {
    case 1:
      return combine(out, c, x, size, std::make_index_sequence<1>());
    case 2:
      return combine(out, c, x, size, std::make_index_sequence<2>());
    case 3:
      return combine(out, c, x, size, std::make_index_sequence<3>());
    case 4:
      return combine(out, c, x, size, std::make_index_sequence<4>());
    case 5:
      return combine(out, c, x, size, std::make_index_sequence<5>());
    case 6:
      return combine(out, c, x, size, std::make_index_sequence<6>());
    case 7:
      return combine(out, c, x, size, std::make_index_sequence<7>());
    case 8:
      return combine(out, c, x, size, std::make_index_sequence<8>());
    default:
      return combine_many(out, count, c, x, size);
  }
}

// Error norm
// -----------------------------------------------------------------------------------------------------------

template <typename T>
PATHLINE_INLINE double scaled_squares(const T* error, const T* y0, const T* y1, double rtol, double atol,
                                      std::size_t size) {
  constexpr std::size_t lanes = 8;  // fixed partial sums: vectorisable, and the same order of addition everywhere
  constexpr std::size_t block = 256;
  static_assert(block % lanes == 0);
  const T relative = static_cast<T>(rtol), absolute = static_cast<T>(atol);
  T ratios[block];
  double sums[lanes] = {};
  for (std::size_t begin = 0; begin < size; begin += block) {
    const std::size_t length = std::min(block, size - begin);
    for (std::size_t i = 0; i < length; ++i) {
      const T a = std::fabs(y0[begin + i]), b = std::fabs(y1[begin + i]);
      const T scale = absolute + relative * (a > b ? a : b);
      // A scale of 0 (atol = 0 at a zero) must give 0 for no error and a rejection for any; 0/0 would give NaN.
      ratios[i] = error[begin + i] / (scale > std::numeric_limits<T>::min() ? scale : std::numeric_limits<T>::min());
    }
    const std::size_t padded = (length + lanes - 1) / lanes * lanes;
    std::fill(ratios + length, ratios + padded, T(0));
    for (std::size_t i = 0; i < padded; i += lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const double ratio = static_cast<double>(ratios[i + lane]);
        sums[lane] += ratio * ratio;
      }
    }
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

template <typename T>
PATHLINE_INLINE bool finite_all(const T* values, std::size_t size) {
  Bits<T> bad = 0;
  for (std::size_t i = 0; i < size; ++i) bad |= non_finite_bit(values[i]);
  return bad == 0;
}

// Variants
// --------------------------------------------------------------------------------------------------------------

template <typename T>
bool combine_baseline(T* out, std::uint32_t n, const double* c, const T* const* x, std::size_t size) {
  return combine_any(out, n, c, x, size);
}
template <typename T>
double squares_baseline(const T* e, const T* y0, const T* y1, double rtol, double atol, std::size_t size) {
  return scaled_squares(e, y0, y1, rtol, atol, size);
}
template <typename T>
bool finite_baseline(const T* values, std::size_t size) {
  return finite_all(values, size);
}

#ifdef PATHLINE_HAVE_AVX2_VARIANTS
template <typename T>
[[gnu::target("avx2")]] bool combine_avx2(T* out, std::uint32_t n, const double* c, const T* const* x,
                                          std::size_t size) {
  return combine_any(out, n, c, x, size);
}
template <typename T>
[[gnu::target("avx2")]] double squares_avx2(const T* e, const T* y0, const T* y1, double rtol, double atol,
                                            std::size_t size) {
  return scaled_squares(e, y0, y1, rtol, atol, size);
}
template <typename T>
[[gnu::target("avx2")]] bool finite_avx2(const T* values, std::size_t size) {
  return finite_all(values, size);
}
#define PATHLINE_CHOOSE(name, ...) (has_avx2() ? name##_avx2(__VA_ARGS__) : name##_baseline(__VA_ARGS__))
#else
#define PATHLINE_CHOOSE(name, ...) name##_baseline(__VA_ARGS__)
#endif

}  // namespace

bool linear_combination(float* out, std::uint32_t count, const double* c, const float* const* x, std::size_t size) {
  return PATHLINE_CHOOSE(combine, out, count, c, x, size);
}
bool linear_combination(double* out, std::uint32_t count, const double* c, const double* const* x, std::size_t size) {
  return PATHLINE_CHOOSE(combine, out, count, c, x, size);
}

double scaled_square_sum(const float* e, const float* y0, const float* y1, double rtol, double atol, std::size_t size) {
  return PATHLINE_CHOOSE(squares, e, y0, y1, rtol, atol, size);
}
double scaled_square_sum(const double* e, const double* y0, const double* y1, double rtol, double atol,
                         std::size_t size) {
  return PATHLINE_CHOOSE(squares, e, y0, y1, rtol, atol, size);
}

bool all_finite(const float* values, std::size_t size) {
  return PATHLINE_CHOOSE(finite, values, size);
}
bool all_finite(const double* values, std::size_t size) {
  return PATHLINE_CHOOSE(finite, values, size);
}

}  // namespace pathline::solvers::kernels
