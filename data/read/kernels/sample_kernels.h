#pragma once
// The inner loops of reading: checksum and conversion to floats, in the widest instruction set of this processor.
//
// The same source (sample_kernels_body.h) is compiled once per instruction set; every variant gives the same bits. No
// state, no allocation, thread-safe.

#include <cstddef>
#include <cstdint>

namespace pathline::data::kernels {

struct SampleKernels {
  const char* name;  ///< "avx512", "avx2" or "baseline"

  /// xxh3, 64 bits, seed 0: what core/hash.h computes.
  std::uint64_t (*xxh3)(const void* data, std::size_t bytes);
  /// out[i] = (in[i] - mean) / scale in single precision. Large outputs bypass the cache.
  void (*bytes_to_floats)(const std::uint8_t* in, std::size_t count, float mean, float scale, float* out);
  /// out[p * channels + c] = table[c * 256 + in[p * channels + c]].
  void (*bytes_through_tables)(const std::uint8_t* in, std::size_t places, std::size_t channels, const float* table,
                               float* out);
  /// out[p * channels + c] = (in[p * channels + c] - mean[c]) / scale[c] in double precision, rounded once.
  void (*floats_to_floats)(const float* in, std::size_t places, std::size_t channels, const double* mean,
                           const double* scale, float* out);
};

/// The best variant for this processor; chosen once.
const SampleKernels& sample_kernels();
/// All variants that this processor can run, the plain one first: for tests.
const SampleKernels* const* runnable_sample_kernels(std::size_t& count);

// One per file of this folder.
extern const SampleKernels sample_kernels_baseline;
#if defined(__x86_64__)
extern const SampleKernels sample_kernels_avx2, sample_kernels_avx512;
#endif

}  // namespace pathline::data::kernels
