#pragma once
// The arithmetic of the solver host on the CPU: one pass over memory each, no temporaries, no LibTorch. Plain loops
// that the compiler vectorises (for AVX2 where the processor has it; without fused multiply-add, so that every x86
// machine gives the same bits).
//
// Thread-safety: pure functions of their arguments.

#include <cstddef>
#include <cstdint>

namespace pathline::solvers::kernels {

/// out[i] = sum of coefficients[k] * terms[k][i] for i < size. `out` may be one of the terms (the very same pointer,
/// not an overlap). Terms are added from the last to the first, in the type of the state. Returns whether every result
/// is finite.
bool linear_combination(float* out, std::uint32_t count, const double* coefficients, const float* const* terms,
                        std::size_t size);
bool linear_combination(double* out, std::uint32_t count, const double* coefficients, const double* const* terms,
                        std::size_t size);

/// Sum over i < size of (error[i] / (atol + rtol max(|y0[i]|, |y1[i]|)))^2, in double, in an order that depends on
/// `size` only.
double scaled_square_sum(const float* error, const float* y0, const float* y1, double rtol, double atol,
                         std::size_t size);
double scaled_square_sum(const double* error, const double* y0, const double* y1, double rtol, double atol,
                         std::size_t size);

bool all_finite(const float* values, std::size_t size);
bool all_finite(const double* values, std::size_t size);

}  // namespace pathline::solvers::kernels
