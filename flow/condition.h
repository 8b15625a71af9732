#pragma once
// What a batch of samples is conditioned on: one tensor per field of a ConditionSpec, in its order. Thread-safety:
// plain value; copies share their tensors.

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/condition_spec.h"

namespace pathline::flow {

struct Condition {
  /// Labels [B] int64, vectors [B, D] and tensors [B, …] float32. Empty: unconditional.
  std::vector<at::Tensor> values;

  Condition() = default;
  /// Of class labels alone; none where `labels` is undefined.
  explicit Condition(at::Tensor labels);

  bool empty() const noexcept { return values.empty(); }
  Condition to(at::Device device) const;
  /// Samples first … first + count − 1.
  Condition narrow(std::int64_t first, std::int64_t count) const;
};

/// "Not given" for `batch` samples. REQUIRES has_null of every field.
Condition null_condition(const ConditionSpec& spec, std::int64_t batch, at::Device device);

/// The condition with "not given" for the samples where `dropped` [B] bool says so; itself where `dropped` is
/// undefined. REQUIRES has_null of every field unless it is.
Condition without(const Condition& condition, const ConditionSpec& spec, const at::Tensor& dropped);

/// Throws std::logic_error unless the condition has just the fields of `spec`, with their dtypes and sizes for `batch`
/// samples: a network calls it first.
void check_condition(const Condition& condition, const ConditionSpec& spec, std::int64_t batch);

}  // namespace pathline::flow
