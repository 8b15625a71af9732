#include "data/shards/value_checks.h"

#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace pathline::data {

namespace {

std::string class_problem(std::int64_t label, std::int64_t classes) {
  if (label >= 0 && label < classes) return "";
  return fmt::format("label {} is out of range; expected 0 to {} ({} classes)", label, classes - 1, classes);
}

}  // namespace

std::string label_problem(const DatasetInfo& info, std::int64_t label) {
  const auto classes = static_cast<std::int64_t>(info.class_names.size());
  if (classes == 0) return label == -1 ? "" : fmt::format("label {} in a data set without classes; expected -1", label);
  return class_problem(label, classes);
}

std::string float_problem(const std::byte* values, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes / sizeof(float); ++i) {
    float value;
    std::memcpy(&value, values + i * sizeof value, sizeof value);
    if (!std::isfinite(value)) return fmt::format("value {} is {}, which is not finite", i, value);
  }
  return "";
}

std::string condition_problem(const ConditionArray& array, std::span<const std::byte> value) {
  if (value.size() != array.value_bytes())
    return fmt::format("expected {} bytes, found {}", array.value_bytes(), value.size());
  if (array.dtype == "float32") return float_problem(value.data(), value.size());
  if (!array.is_label()) return "";
  std::int64_t label;
  std::memcpy(&label, value.data(), sizeof label);
  return class_problem(label, array.field.classes);
}

std::string conditions_problem(const DatasetInfo& info, const ConditionValues& values) {
  if (values.size() != info.conditions.size())
    return fmt::format("expected values of {} conditions, found {}", info.conditions.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string problem = condition_problem(info.conditions[i], values[i]);
    if (!problem.empty()) return "condition " + info.conditions[i].field.name + ": " + problem;
  }
  return "";
}

}  // namespace pathline::data
