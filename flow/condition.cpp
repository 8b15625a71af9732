#include "flow/condition.h"

#include <stdexcept>

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace pathline::flow {
namespace {

std::vector<std::int64_t> sizes_of(const ConditionField& field, std::int64_t batch) {
  std::vector<std::int64_t> sizes = {batch};
  if (field.kind != ConditionField::Kind::label) sizes.insert(sizes.end(), field.sizes.begin(), field.sizes.end());
  return sizes;
}

at::ScalarType dtype_of(const ConditionField& field) {
  return field.kind == ConditionField::Kind::label ? at::kLong : at::kFloat;
}

}  // namespace

Condition::Condition(at::Tensor labels) {
  if (labels.defined()) values.push_back(std::move(labels));
}

Condition Condition::to(at::Device device) const {
  Condition moved = *this;
  for (at::Tensor& value : moved.values) value = value.to(device);
  return moved;
}

Condition Condition::narrow(std::int64_t first, std::int64_t count) const {
  Condition part = *this;
  for (at::Tensor& value : part.values) value = value.narrow(0, first, count);
  return part;
}

Condition null_condition(const ConditionSpec& spec, std::int64_t batch, at::Device device) {
  Condition condition;
  for (const ConditionField& field : spec) {
    if (!field.has_null) throw std::logic_error("null_condition: the network knows no '" + field.name + "' not given");
    const auto options = at::TensorOptions(dtype_of(field)).device(device);
    const auto value = field.kind == ConditionField::Kind::label ? static_cast<double>(field.classes) : 0.0;
    condition.values.push_back(at::full(sizes_of(field, batch), value, options));
  }
  return condition;
}

Condition without(const Condition& condition, const ConditionSpec& spec, const at::Tensor& dropped) {
  if (!dropped.defined() || condition.empty()) return condition;
  const Condition null = null_condition(spec, dropped.size(0), dropped.device());
  Condition result;
  for (std::size_t i = 0; i < condition.values.size(); ++i) {
    const at::Tensor& value = condition.values[i];
    std::vector<std::int64_t> beside(static_cast<std::size_t>(value.dim()), 1);
    beside[0] = dropped.size(0);
    result.values.push_back(at::where(dropped.view(beside), null.values.at(i), value));
  }
  return result;
}

void check_condition(const Condition& condition, const ConditionSpec& spec, std::int64_t batch) {
  if (condition.values.size() != spec.size()) {
    throw std::logic_error(
        fmt::format("expected a condition of {} fields, found {}", spec.size(), condition.values.size()));
  }
  for (std::size_t i = 0; i < spec.size(); ++i) {
    const at::Tensor& value = condition.values[i];
    if (!value.defined() || value.scalar_type() != dtype_of(spec[i]) || value.sizes() != sizes_of(spec[i], batch))
      throw std::logic_error("the condition '" + spec[i].name +
                             "' has another dtype or shape than the network expects");
  }
}

}  // namespace pathline::flow
