// Included by sample_kernels_{baseline,avx2,avx512}.cpp, each compiled for its instruction set, with PATHLINE_VARIANT
// set. Everything here has internal linkage: a function of one variant must never stand in for that of another, which
// is what happens to inline functions of other headers; so only headers without such functions are included.
// No #pragma once: it is the body of three files.

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "data/read/kernels/sample_kernels.h"

namespace pathline::data::kernels {
namespace {

std::uint64_t xxh3(const void* data, std::size_t bytes) {
  return XXH3_64bits(data, bytes);
}

constexpr std::size_t large = std::size_t{256} * 1024;  // bytes of output that no nearer cache keeps until it is used

void bytes_to_floats(const std::uint8_t* in, std::size_t count, float mean, float scale, float* out) {
  std::size_t i = 0;
#if defined(__SSE2__)
  if (count * sizeof(float) >= large && reinterpret_cast<std::uintptr_t>(out) % 16 == 0) {
    alignas(64) float block[64];
    for (; i + 64 <= count; i += 64) {
      for (std::size_t k = 0; k < 64; ++k) block[k] = (static_cast<float>(in[i + k]) - mean) / scale;
      for (std::size_t k = 0; k < 64; k += 4) _mm_stream_ps(out + i + k, _mm_load_ps(block + k));
    }
    _mm_sfence();
  }
#endif
  for (; i < count; ++i) out[i] = (static_cast<float>(in[i]) - mean) / scale;
}

void bytes_through_tables(const std::uint8_t* in, std::size_t places, std::size_t channels, const float* table,
                          float* out) {
  for (std::size_t p = 0; p < places; ++p) {
    for (std::size_t c = 0; c < channels; ++c) *out++ = table[c * 256 + *in++];
  }
}

void floats_to_floats(const float* in, std::size_t places, std::size_t channels, const double* mean,
                      const double* scale, float* out) {
  if (channels == 1) {
    const double m = *mean, s = *scale;
    for (std::size_t p = 0; p < places; ++p) out[p] = static_cast<float>((static_cast<double>(in[p]) - m) / s);
    return;
  }
  for (std::size_t p = 0; p < places; ++p) {
    for (std::size_t c = 0; c < channels; ++c)
      out[p * channels + c] = static_cast<float>((static_cast<double>(in[p * channels + c]) - mean[c]) / scale[c]);
  }
}

}  // namespace

extern const SampleKernels PATHLINE_VARIANT;
const SampleKernels PATHLINE_VARIANT = {PATHLINE_VARIANT_NAME, xxh3, bytes_to_floats, bytes_through_tables,
                                        floats_to_floats};

}  // namespace pathline::data::kernels
