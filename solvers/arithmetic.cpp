#include "solvers/arithmetic.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "solvers/kernels.h"

namespace pathline::solvers {
namespace {

/// Elements per task. A pass over this much takes some 10 µs, about what waking a thread costs.
constexpr std::int64_t grain = 1 << 16;

/// The terms that take part: those whose coefficient is not 0.
struct Terms {
  std::vector<double> coefficients;
  std::vector<const at::Tensor*> tensors;
};

Terms used_terms(std::uint32_t count, const double* coefficients, const at::Tensor* const* terms) {
  Terms used;
  used.coefficients.reserve(count);
  used.tensors.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (coefficients[i] == 0) continue;
    used.coefficients.push_back(coefficients[i]);
    used.tensors.push_back(terms[i]);
  }
  return used;
}

template <typename T>
bool combine_on_cpu(at::Tensor& out, const Terms& terms) {
  std::vector<const T*> sources;
  sources.reserve(terms.tensors.size());
  for (const at::Tensor* tensor : terms.tensors) sources.push_back(tensor->const_data_ptr<T>());
  T* const target = out.mutable_data_ptr<T>();
  std::atomic<bool> finite{true};
  at::parallel_for(0, out.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<const T*> shifted(sources);
    for (const T*& source : shifted) source += begin;
    if (!kernels::linear_combination(target + begin, static_cast<std::uint32_t>(shifted.size()),
                                     terms.coefficients.data(), shifted.data(),
                                     static_cast<std::size_t>(end - begin))) {
      finite.store(false, std::memory_order_relaxed);
    }
  });
  return finite.load();
}

template <typename T>
double norm_on_cpu(const at::Tensor& error, const at::Tensor& y0, const at::Tensor& y1, double rtol, double atol,
                   bool over_batch) {
  const std::int64_t samples = error.size(0), size = error.numel() / samples;
  const T *const e = error.const_data_ptr<T>(), *const a = y0.const_data_ptr<T>(), *const b = y1.const_data_ptr<T>();
  std::vector<double> sums(static_cast<std::size_t>(samples));
  at::parallel_for(0, samples, std::max<std::int64_t>(1, grain / size), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      sums[static_cast<std::size_t>(s)] = kernels::scaled_square_sum(e + s * size, a + s * size, b + s * size, rtol,
                                                                     atol, static_cast<std::size_t>(size));
    }
  });
  double total = 0, worst = 0;
  for (const double sum : sums) {
    total += sum;  // in order of samples, whatever the number of threads
    worst = std::max(worst, sum);
  }
  if (!std::isfinite(total)) return std::numeric_limits<double>::quiet_NaN();
  return std::sqrt(over_batch ? total / static_cast<double>(error.numel()) : worst / static_cast<double>(size));
}

template <typename T>
bool finite_on_cpu(const at::Tensor& values) {
  std::atomic<bool> finite{true};
  const T* const data = values.const_data_ptr<T>();
  at::parallel_for(0, values.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    if (!kernels::all_finite(data + begin, static_cast<std::size_t>(end - begin))) {
      finite.store(false, std::memory_order_relaxed);
    }
  });
  return finite.load();
}

bool has_kernel(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.is_contiguous();
}

}  // namespace

std::optional<bool> linear_combination(at::Tensor& out, std::uint32_t count, const double* coefficients,
                                       const at::Tensor* const* terms) {
  if (!has_kernel(out)) {
    aten::linear_combination(out, count, coefficients, terms);
    return std::nullopt;
  }
  const Terms used = used_terms(count, coefficients, terms);
  if (used.tensors.empty()) {
    out.zero_();
    return true;
  }
  return out.scalar_type() == at::kFloat ? combine_on_cpu<float>(out, used) : combine_on_cpu<double>(out, used);
}

double scaled_norm(const at::Tensor& error, const at::Tensor& y0, const at::Tensor& y1, double rtol, double atol,
                   bool over_batch) {
  if (!has_kernel(error)) return aten::scaled_norm(error, y0, y1, rtol, atol, over_batch);
  return error.scalar_type() == at::kFloat ? norm_on_cpu<float>(error, y0, y1, rtol, atol, over_batch)
                                           : norm_on_cpu<double>(error, y0, y1, rtol, atol, over_batch);
}

bool is_finite(const at::Tensor& values) {
  if (!has_kernel(values)) return at::isfinite(values).all().item<bool>();
  return values.scalar_type() == at::kFloat ? finite_on_cpu<float>(values) : finite_on_cpu<double>(values);
}

namespace aten {

void linear_combination(at::Tensor& out, std::uint32_t count, const double* coefficients,
                        const at::Tensor* const* terms) {
  const Terms used = used_terms(count, coefficients, terms);
  // Where `out` is itself a term it is scaled first, before the other terms are added to it; otherwise the last term
  // begins.
  double own = 0;
  bool is_term = false;
  for (std::size_t i = 0; i < used.tensors.size(); ++i) {
    if (!used.tensors[i]->is_same(out)) continue;
    own += used.coefficients[i];
    is_term = true;
  }
  bool begun = is_term;
  if (is_term && own != 1) out.mul_(own);
  for (std::size_t i = used.tensors.size(); i-- > 0;) {
    if (used.tensors[i]->is_same(out)) continue;
    if (begun) {
      out.add_(*used.tensors[i], used.coefficients[i]);
    } else {
      at::mul_out(out, *used.tensors[i], at::scalar_tensor(used.coefficients[i], out.options()));
      begun = true;
    }
  }
  if (!begun) out.zero_();
}

double scaled_norm(const at::Tensor& error, const at::Tensor& y0, const at::Tensor& y1, double rtol, double atol,
                   bool over_batch) {
  const double tiny =
      error.scalar_type() == at::kFloat ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  const at::Tensor scale = at::maximum(y0.abs(), y1.abs()).mul_(rtol).add_(atol).clamp_min_(tiny);
  const at::Tensor squares = (error / scale).square_().reshape({error.size(0), -1});
  const at::Tensor means = squares.mean(1, /*keepdim=*/false, at::kDouble);
  const double norm = std::sqrt((over_batch ? means.mean() : means.max()).item<double>());
  return std::isfinite(norm) ? norm : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace aten
}  // namespace pathline::solvers
