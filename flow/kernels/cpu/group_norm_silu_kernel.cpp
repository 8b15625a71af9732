#include "flow/kernels/cpu/group_norm_silu_kernel.h"

#include <algorithm>
#include <cmath>

#include "flow/kernels/cpu/vector16.h"

namespace pathline::flow::kernels {

namespace {

constexpr std::int64_t lanes = 16;
/// float sums over more pixels than this are carried over into double.
constexpr std::int64_t sum_length = 1024;

/// y = act(slope * x + offset), per channel.
struct Affine {
  float* slope;
  float* offset;
};

/// Where a channel's values lie: its part of the (virtual) concatenation.
template <class T>
struct Column {
  T* first;             // pixel 0
  std::int64_t stride;  // between pixels
};

template <class T>
PATHLINE_INLINE Column<T> column(T* a, T* b, const NormShape& s, std::int64_t channel) {
  if (channel < s.channels_a) return {a + channel, s.channels_a};
  return {b + (channel - s.channels_a), s.channels_b};
}

/// Per channel: mean of x and the sum of squared deviations from it.
template <class T>
PATHLINE_INLINE void channel_moments(const NormShape& s, const T* a, const T* b, float* mean, float* deviation) {
  for (std::int64_t c = 0; c < s.channels(); c += 2 * lanes) {
    const auto x = column(a, b, s, c);
    // Sums run over x minus the first pixel, which takes out the cancellation of E[x^2] - E[x]^2 when the mean is
    // large.
    const Float16 shift0 = load(x.first), shift1 = load(x.first + lanes);
    double sum[2 * lanes] = {}, square[2 * lanes] = {};
    for (std::int64_t start = 0; start < s.pixels; start += sum_length) {
      const std::int64_t end = std::min(s.pixels, start + sum_length);
      Float16 sum0 = {}, sum1 = {}, square0 = {}, square1 = {};
      for (std::int64_t p = start; p < end; ++p) {
        const Float16 d0 = load(x.first + p * x.stride) - shift0, d1 = load(x.first + p * x.stride + lanes) - shift1;
        sum0 += d0;
        sum1 += d1;
        square0 += d0 * d0;
        square1 += d1 * d1;
      }
      for (std::int64_t i = 0; i < lanes; ++i) {
        sum[i] += sum0[i];
        sum[lanes + i] += sum1[i];
        square[i] += square0[i];
        square[lanes + i] += square1[i];
      }
    }
    const double n = static_cast<double>(s.pixels);
    for (std::int64_t i = 0; i < 2 * lanes; ++i) {
      mean[c + i] = static_cast<float>((i < lanes ? shift0[i] : shift1[i - lanes]) + sum[i] / n);
      deviation[c + i] = static_cast<float>(std::max(0.0, square[i] - sum[i] * sum[i] / n));
    }
  }
}

/// Joins the channels of each group (parallel variance formula: Chan, Golub and LeVeque 1979).
PATHLINE_INLINE void group_moments(const NormShape& s, const float* pre_add, const float* channel_mean,
                                   const float* deviation, float* mean, float* rstd) {
  const std::int64_t width = s.channels() / s.groups;
  for (std::int64_t g = 0; g < s.groups; ++g) {
    double sum = 0, square = 0;
    const auto mean_of = [&](std::int64_t c) {
      return static_cast<double>(channel_mean[c]) + (pre_add ? pre_add[c] : 0.0f);
    };
    for (std::int64_t c = g * width; c < (g + 1) * width; ++c) sum += mean_of(c);
    const double centre = sum / static_cast<double>(width);
    for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
      const double d = mean_of(c) - centre;
      square += deviation[c] + static_cast<double>(s.pixels) * d * d;
    }
    mean[g] = static_cast<float>(centre);
    rstd[g] = static_cast<float>(1 / std::sqrt(square / static_cast<double>(width * s.pixels) + s.epsilon));
  }
}

PATHLINE_INLINE void affine_coefficients(const NormShape& s, const NormParameters& p, const float* mean,
                                         const float* rstd, Affine affine) {
  const std::int64_t width = s.channels() / s.groups;
  for (std::int64_t c = 0; c < s.channels(); ++c) {
    const std::int64_t g = c / width;
    float slope = p.weight[c] * rstd[g];
    float offset = p.bias[c] + slope * ((p.pre_add ? p.pre_add[c] : 0.0f) - mean[g]);
    if (p.scale) {
      slope *= 1 + p.scale[c];
      offset = offset * (1 + p.scale[c]) + p.shift[c];
    }
    affine.slope[c] = slope;
    affine.offset[c] = offset;
  }
}

template <class T, bool silu, bool join>
PATHLINE_INLINE void apply(const NormShape& s, const NormForward<T>& n, Affine affine) {
  const std::int64_t channels = s.channels();
  // Channels in the outer loop keep slope and offset in registers; one sample fits into the second-level cache.
  for (std::int64_t c = 0; c < channels; c += 2 * lanes) {
    const auto x = column(n.a, n.b, s, c);
    const Float16 slope0 = load(affine.slope + c), slope1 = load(affine.slope + c + lanes);
    const Float16 offset0 = load(affine.offset + c), offset1 = load(affine.offset + c + lanes);
    for (std::int64_t p = 0; p < s.pixels; ++p) {
      const Float16 x0 = load(x.first + p * x.stride), x1 = load(x.first + p * x.stride + lanes);
      if (join) {
        store(n.joined + p * channels + c, x0);
        store(n.joined + p * channels + c + lanes, x1);
      }
      Float16 z0 = x0 * slope0 + offset0, z1 = x1 * slope1 + offset1;
      if (silu) {
        z0 *= sigmoid(z0);
        z1 *= sigmoid(z1);
      }
      store(n.y + p * channels + c, z0);
      store(n.y + p * channels + c + lanes, z1);
    }
  }
}

template <class T>
PATHLINE_INLINE void forward(const NormShape& s, const NormParameters& p, const NormForward<T>& n) {
  const std::int64_t channels = s.channels();
  float* channel_mean = n.scratch;
  float* deviation = n.scratch + channels;
  channel_moments(s, n.a, n.b, channel_mean, deviation);
  group_moments(s, p.pre_add, channel_mean, deviation, n.mean, n.rstd);
  const Affine affine{n.scratch + 2 * channels, n.scratch + 3 * channels};
  affine_coefficients(s, p, n.mean, n.rstd, affine);
  if (s.silu) {
    n.joined ? apply<T, true, true>(s, n, affine) : apply<T, true, false>(s, n, affine);
  } else {
    n.joined ? apply<T, false, true>(s, n, affine) : apply<T, false, false>(s, n, affine);
  }
}

/// dz = grad_y * act'(z), into `dz`; per channel the sums over pixels of dz, dz * x and x.
template <class T, bool silu>
PATHLINE_INLINE void backward_sums(const NormShape& s, const NormBackward<T>& n, Affine affine, float* dz,
                                   double* sum_dz, double* sum_dzx, double* sum_x) {
  const std::int64_t channels = s.channels();
  for (std::int64_t c = 0; c < channels; c += lanes) {
    const auto x = column(n.a, n.b, s, c);
    const Float16 slope = load(affine.slope + c), offset = load(affine.offset + c), shift = load(x.first);
    double total_dz[lanes] = {}, total_dzd[lanes] = {}, total_d[lanes] = {};
    for (std::int64_t start = 0; start < s.pixels; start += sum_length) {
      const std::int64_t end = std::min(s.pixels, start + sum_length);
      Float16 part_dz = {}, part_dzd = {}, part_d = {};
      for (std::int64_t p = start; p < end; ++p) {
        const Float16 value = load(x.first + p * x.stride);
        Float16 gradient = load(n.grad_y + p * channels + c);
        if (silu) {
          const Float16 z = value * slope + offset, gate = sigmoid(z);
          gradient *= gate * (1.0f + z * (1.0f - gate));
        }
        store(dz + p * channels + c, gradient);
        const Float16 d = value - shift;
        part_dz += gradient;
        part_dzd += gradient * d;
        part_d += d;
      }
      for (std::int64_t i = 0; i < lanes; ++i) {
        total_dz[i] += part_dz[i];
        total_dzd[i] += part_dzd[i];
        total_d[i] += part_d[i];
      }
    }
    for (std::int64_t i = 0; i < lanes; ++i) {
      sum_dz[c + i] = total_dz[i];
      sum_dzx[c + i] = total_dzd[i] + shift[i] * total_dz[i];
      sum_x[c + i] = total_d[i] + static_cast<double>(s.pixels) * shift[i];
    }
  }
}

/// grad_x = by_dz * dz + by_x * x + constant (+ grad_through), per channel.
template <class T, bool through>
PATHLINE_INLINE void backward_apply(const NormShape& s, const NormBackward<T>& n, const float* dz, const float* by_dz,
                                    const float* by_x, const float* constant) {
  const std::int64_t channels = s.channels();
  for (std::int64_t c = 0; c < channels; c += lanes) {
    const auto x = column(n.a, n.b, s, c);
    const auto out = column(n.grad_a, n.grad_b, s, c);
    const Float16 k_dz = load(by_dz + c), k_x = load(by_x + c), k = load(constant + c);
    for (std::int64_t p = 0; p < s.pixels; ++p) {
      Float16 gradient = load(dz + p * channels + c) * k_dz + (load(x.first + p * x.stride) * k_x + k);
      if (through) gradient += load(n.grad_through + p * channels + c);
      store(out.first + p * out.stride, gradient);
    }
  }
}

template <class T>
PATHLINE_INLINE void backward(const NormShape& s, const NormParameters& p, const NormBackward<T>& n) {
  const std::int64_t channels = s.channels(), width = channels / s.groups;
  const double pixels = static_cast<double>(s.pixels), count = pixels * static_cast<double>(width);
  double* sum_dz = reinterpret_cast<double*>(n.scratch);
  double* sum_dzx = sum_dz + channels;
  double* sum_x = sum_dzx + channels;
  const Affine affine{n.scratch + 6 * channels, n.scratch + 7 * channels};
  float* by_dz = n.scratch + 8 * channels;
  float* by_x = n.scratch + 9 * channels;
  float* constant = n.scratch + 10 * channels;
  float* dz = n.scratch + 11 * channels;

  affine_coefficients(s, p, n.mean, n.rstd, affine);
  if (s.silu) {
    backward_sums<T, true>(s, n, affine, dz, sum_dz, sum_dzx, sum_x);
  } else {
    backward_sums<T, false>(s, n, affine, dz, sum_dz, sum_dzx, sum_x);
  }

  for (std::int64_t g = 0; g < s.groups; ++g) {
    const double mean = n.mean[g], rstd = n.rstd[g];
    const auto add = [&](std::int64_t c) { return p.pre_add ? static_cast<double>(p.pre_add[c]) : 0.0; };
    const auto one_plus_scale = [&](std::int64_t c) { return p.scale ? 1.0 + p.scale[c] : 1.0; };
    // With n = (x + pre_add - mean) * rstd the normalised value: sums over the group of dL/dn and of dL/dn * n.
    const auto sum_dzn = [&](std::int64_t c) { return (sum_dzx[c] + (add(c) - mean) * sum_dz[c]) * rstd; };
    double first = 0, second = 0;
    for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
      const double gain = p.weight[c] * one_plus_scale(c);
      first += gain * sum_dz[c];
      second += gain * sum_dzn(c);
    }
    first /= count;
    second /= count;
    for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
      // dL/dx = rstd * (gain dz - first - n * second)
      const double k_dz = rstd * p.weight[c] * one_plus_scale(c), k_x = -rstd * rstd * second;
      const double k = -rstd * first + k_x * (add(c) - mean);
      by_dz[c] = static_cast<float>(k_dz);
      by_x[c] = static_cast<float>(k_x);
      constant[c] = static_cast<float>(k);
      const double dzn = sum_dzn(c);
      if (n.grad_weight) n.grad_weight[c] = static_cast<float>(one_plus_scale(c) * dzn);
      if (n.grad_bias) n.grad_bias[c] = static_cast<float>(one_plus_scale(c) * sum_dz[c]);
      if (n.grad_scale) n.grad_scale[c] = static_cast<float>(p.weight[c] * dzn + p.bias[c] * sum_dz[c]);
      if (n.grad_shift) n.grad_shift[c] = static_cast<float>(sum_dz[c]);
      if (n.grad_pre_add) n.grad_pre_add[c] = static_cast<float>(k_dz * sum_dz[c] + k_x * sum_x[c] + k * pixels);
    }
  }

  if (n.grad_through) {
    backward_apply<T, true>(s, n, dz, by_dz, by_x, constant);
  } else {
    backward_apply<T, false>(s, n, dz, by_dz, by_x, constant);
  }
}

// One body, compiled for several instruction sets and chosen at run time: the binary runs on any x86-64 (and, with the
// plain one only, on other processors), and is fast where AVX-512 is.
#if defined(__x86_64__)
#define PATHLINE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512")))
#define PATHLINE_AVX2 __attribute__((target("avx2,fma")))
enum class Level { plain, avx2, avx512 };
Level level() {
  static const Level chosen = [] {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx512 ? Level::avx512 : avx2 ? Level::avx2 : Level::plain;
  }();
  return chosen;
}
#define PATHLINE_DISPATCH(name, body, Sample)                                                        \
  PATHLINE_AVX512 void name##_avx512(const NormShape& s, const NormParameters& p, const Sample& n) { \
    body(s, p, n);                                                                                   \
  }                                                                                                  \
  PATHLINE_AVX2 void name##_avx2(const NormShape& s, const NormParameters& p, const Sample& n) {     \
    body(s, p, n);                                                                                   \
  }                                                                                                  \
  void name##_plain(const NormShape& s, const NormParameters& p, const Sample& n) {                  \
    body(s, p, n);                                                                                   \
  }                                                                                                  \
  void name(const NormShape& s, const NormParameters& p, const Sample& n) {                          \
    switch (level()) {                                                                               \
      case Level::avx512:                                                                            \
        return name##_avx512(s, p, n);                                                               \
      case Level::avx2:                                                                              \
        return name##_avx2(s, p, n);                                                                 \
      case Level::plain:                                                                             \
        return name##_plain(s, p, n);                                                                \
    }                                                                                                \
  }
#else
#define PATHLINE_DISPATCH(name, body, Sample)                               \
  void name(const NormShape& s, const NormParameters& p, const Sample& n) { \
    body(s, p, n);                                                          \
  }
#endif

PATHLINE_DISPATCH(forward_float, forward, NormForward<float>)
PATHLINE_DISPATCH(forward_bfloat16, forward, NormForward<Bfloat16>)
PATHLINE_DISPATCH(backward_float, backward, NormBackward<float>)
PATHLINE_DISPATCH(backward_bfloat16, backward, NormBackward<Bfloat16>)

}  // namespace

std::int64_t norm_forward_scratch(const NormShape& shape) noexcept {
  return 4 * shape.channels();
}

std::int64_t norm_backward_scratch(const NormShape& shape) noexcept {
  return (11 + shape.pixels) * shape.channels();
}

void norm_forward(const NormShape& shape, const NormParameters& parameters, const NormForward<float>& sample) {
  forward_float(shape, parameters, sample);
}

void norm_forward(const NormShape& shape, const NormParameters& parameters, const NormForward<Bfloat16>& sample) {
  forward_bfloat16(shape, parameters, sample);
}

void norm_backward(const NormShape& shape, const NormParameters& parameters, const NormBackward<float>& sample) {
  backward_float(shape, parameters, sample);
}

void norm_backward(const NormShape& shape, const NormParameters& parameters, const NormBackward<Bfloat16>& sample) {
  backward_bfloat16(shape, parameters, sample);
}

}  // namespace pathline::flow::kernels
