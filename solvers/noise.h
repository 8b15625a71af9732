#pragma once
// The noise of stochastic solvers: standard normals that belong to the sample, whatever batch, rank or thread it is
// computed in. Internal to `solvers`.
//
// Thread-safety: pure functions of their arguments.

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "solvers/solver_host.h"

namespace pathline::solvers {

/// Draws are numbered 0 … draws_of_noise - 1: the number takes the place of the epoch in the key of the stream.
constexpr std::uint64_t draws_of_noise = std::uint64_t{1} << 24;

/// Row i of `out` ([B, …], float32 or float64, any device) becomes the normals of stream (keys.seed, solver_noise,
/// draw, keys.samples[i]). float32 is float64 rounded. REQUIRES: keys.samples has B entries, draw < draws_of_noise.
void fill_normal(at::Tensor& out, const NoiseKeys& keys, std::uint64_t draw);

}  // namespace pathline::solvers
