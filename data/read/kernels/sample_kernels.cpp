#include "data/read/kernels/sample_kernels.h"

namespace pathline::data::kernels {

const SampleKernels* const* runnable_sample_kernels(std::size_t& count) {
  static const SampleKernels* variants[3] = {&sample_kernels_baseline, nullptr, nullptr};
  static const std::size_t runnable = [] {
    std::size_t found = 1;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) variants[found++] = &sample_kernels_avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      variants[found++] = &sample_kernels_avx512;
    }
#endif
    return found;
  }();
  count = runnable;
  return variants;
}

const SampleKernels& sample_kernels() {
  std::size_t count = 0;
  const SampleKernels* const* variants = runnable_sample_kernels(count);
  return *variants[count - 1];
}

}  // namespace pathline::data::kernels
