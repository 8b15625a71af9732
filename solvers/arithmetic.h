#pragma once
// What the host computes on states: linear combinations, the error norm, whether all is finite. On the CPU one pass
// without temporaries over contiguous float32 or float64 (solvers/kernels.h, in several threads when large); elsewhere
// through ATen operators on the current stream.
//
// All tensors of a call have the same shape [B, …], dtype and device. Thread-safety: pure functions of their arguments.

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

namespace pathline::solvers {

/// out = sum of coefficients[i] * terms[i]; a zero coefficient's term is not read; `out` may be a term. Returns whether
/// the result is finite where that costs nothing to know.
std::optional<bool> linear_combination(at::Tensor& out, std::uint32_t count, const double* coefficients,
                                       const at::Tensor* const* terms);

/// Norm of error / (atol + rtol max(|y0|, |y1|)): over_batch = false: maximum over samples of the RMS over a sample;
/// true: RMS over everything. Does not look for non-finite y1 (an infinite scale would hide an error): the caller
/// knows.
double scaled_norm(const at::Tensor& error, const at::Tensor& y0, const at::Tensor& y1, double rtol, double atol,
                   bool over_batch);

/// On a GPU this waits for the device.
bool is_finite(const at::Tensor& values);

/// The ATen versions, for any device: also the oracle that the CPU kernels are tested against.
namespace aten {
void linear_combination(at::Tensor& out, std::uint32_t count, const double* coefficients,
                        const at::Tensor* const* terms);
double scaled_norm(const at::Tensor& error, const at::Tensor& y0, const at::Tensor& y1, double rtol, double atol,
                   bool over_batch);
}  // namespace aten

}  // namespace pathline::solvers
