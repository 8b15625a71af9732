#include "solvers/noise.h"

#include <algorithm>
#include <span>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "core/random.h"

namespace pathline::solvers {
namespace {

/// Normals per task: some 100 µs.
constexpr std::int64_t grain = 1 << 13;

template <typename T>
void fill(T* values, std::int64_t samples, std::int64_t size, const NoiseKeys& keys, std::uint64_t draw) {
  at::parallel_for(0, samples, std::max<std::int64_t>(1, grain / size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      RandomStream stream(keys.seed, Purpose::solver_noise, draw, keys.samples[static_cast<std::size_t>(i)]);
      stream.fill_normal(std::span<T>(values + i * size, static_cast<std::size_t>(size)));
    }
  });
}

}  // namespace

void fill_normal(at::Tensor& out, const NoiseKeys& keys, std::uint64_t draw) {
  const bool in_place = out.is_cpu() && out.is_contiguous();
  at::Tensor target = in_place ? out : at::empty(out.sizes(), at::dtype(out.scalar_type()));
  const std::int64_t samples = target.size(0), size = target.numel() / samples;
  if (target.scalar_type() == at::kFloat) {
    fill(target.mutable_data_ptr<float>(), samples, size, keys, draw);
  } else {
    fill(target.mutable_data_ptr<double>(), samples, size, keys, draw);
  }
  if (!in_place) out.copy_(target);
}

}  // namespace pathline::solvers
