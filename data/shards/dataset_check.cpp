#include "data/shards/dataset_check.h"

#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pathline::data {

namespace {

/// Throws Error(code) at a place.
class Refusal {
 public:
  Refusal(ExitCode code, const std::string& place) : code_(code), place_(place) {}
  [[noreturn]] void operator()(const std::string& message) const { throw Error(code_, message, place_); }

 private:
  ExitCode code_;
  const std::string& place_;
};

bool is_utf8(const std::vector<std::string>& texts) {
  try {  // dump() refuses what is not UTF-8, and nothing else here
    (void)nlohmann::json(texts).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

void check_scaling(const std::vector<double>& mean, const std::vector<double>& scale, std::size_t channels,
                   const std::string& whose, const Refusal& refuse) {
  if (mean.size() != channels || scale.size() != channels) {
    refuse(fmt::format("{}mean and scale must have one value per channel ({}), found {} and {}", whose, channels,
                       mean.size(), scale.size()));
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (!std::isfinite(mean[c])) refuse(fmt::format("{}the mean of channel {} is not finite", whose, c));
    if (!std::isfinite(scale[c]) || !(scale[c] > 0))
      refuse(fmt::format("{}the scale of channel {} must be positive, found {}", whose, c, scale[c]));
  }
}

void check_samples(const DatasetInfo& info, const Refusal& refuse) {
  if (info.shape.sizes().empty()) refuse("the shape is missing");
  const std::vector<const char*> sides = side_names(info.shape.kind());
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const std::int64_t extent = info.shape.sizes()[i];
    if (extent < 1 || extent > largest_side)
      refuse(fmt::format("{} must be 1 to {}, found {}", sides[i], largest_side, extent));
  }
  if (info.dtype != "uint8" && info.dtype != "float32")
    refuse("dtype must be uint8 or float32, found \"" + info.dtype + '"');
  if (info.shape.kind() != SampleKind::picture && info.dtype != "float32")
    refuse(fmt::format("{} must be float32, found {}", samples_noun(info.shape.kind()), info.dtype));
  // Each side is at most 2^16, so the product of three fits.
  if (info.shape.values() > largest_sample / static_cast<std::int64_t>(info.item_bytes()))
    refuse(fmt::format("a {} is larger than the limit of 1 GiB", info.shape.describe()));
  if (info.class_names.size() > most_classes) refuse(fmt::format("more than {} class names", most_classes));
  check_scaling(info.mean, info.scale, static_cast<std::size_t>(info.shape.channels()), "", refuse);
}

void check_label_condition(const ConditionArray& condition, const std::string& whose, const Refusal& refuse) {
  if (condition.dtype != "int64") refuse(whose + "labels must be int64, found \"" + condition.dtype + '"');
  if (condition.field.classes < 1 || condition.field.classes > most_classes)
    refuse(fmt::format("{}expected 1 to {} classes, found {}", whose, most_classes, condition.field.classes));
  const std::size_t names = condition.class_names.size();
  if (names != 0 && names != static_cast<std::size_t>(condition.field.classes))
    refuse(fmt::format("{}expected {} class names or none, found {}", whose, condition.field.classes, names));
  if (!is_utf8(condition.class_names)) refuse(whose + "the class names must be valid UTF-8");
  if (!condition.field.sizes.empty() || !condition.mean.empty() || !condition.scale.empty())
    refuse(whose + "a label has no sizes, mean or scale");
}

void check_numbers(const ConditionArray& condition, const std::string& whose, const Refusal& refuse) {
  const bool vector = condition.field.kind == ConditionField::Kind::vector;
  const std::vector<std::int64_t>& sizes = condition.field.sizes;
  if (vector ? sizes.size() != 1 : sizes.size() < 2 || sizes.size() > most_condition_sizes) {
    refuse(fmt::format("{}expected {}, found {} sizes", whose,
                       vector ? "one size" : fmt::format("2 to {} sizes", most_condition_sizes), sizes.size()));
  }
  if (condition.dtype != "float32" && (vector || condition.dtype != "uint8"))
    refuse(fmt::format("{}dtype must be {}, found \"{}\"", whose, vector ? "float32" : "uint8 or float32",
                       condition.dtype));
  std::int64_t left = largest_sample / (condition.dtype == "float32" ? 4 : 1);
  for (const std::int64_t size : sizes) {
    if (size < 1 || size > largest_side)
      refuse(fmt::format("{}sizes must be 1 to {}, found {}", whose, largest_side, size));
    left /= size;
    if (left == 0) refuse(whose + "a value is larger than the limit of 1 GiB");
  }
  if (condition.field.classes != 0 || !condition.class_names.empty()) refuse(whose + "only labels have classes");
  check_scaling(condition.mean, condition.scale, static_cast<std::size_t>(sizes[0]), whose, refuse);
}

void check_conditions(const std::vector<ConditionArray>& conditions, const Refusal& refuse) {
  if (conditions.size() > most_conditions)
    refuse(fmt::format("{} conditions; expected at most {}", conditions.size(), most_conditions));
  std::set<std::string> names;
  for (const ConditionArray& condition : conditions) {
    const std::string problem = condition_name_problem(condition.field.name);
    if (!problem.empty()) refuse(problem);
    if (!names.insert(condition.field.name).second)
      refuse("two conditions have the name " + shown(condition.field.name));
    const std::string whose = "condition " + condition.field.name + ": ";
    if (condition.is_label()) {
      check_label_condition(condition, whose, refuse);
    } else {
      check_numbers(condition, whose, refuse);
    }
  }
}

}  // namespace

std::string condition_name_problem(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= longest_condition_name && name.front() != '-' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
  if (!good) {
    return fmt::format("{} cannot be the name of a condition; expected 1 to {} letters, digits, '_' or '-'",
                       shown(name), longest_condition_name);
  }
  return name == "label" ? "a condition cannot be called label: that is what /labels holds" : "";
}

std::vector<const char*> side_names(SampleKind kind) {
  switch (kind) {
    case SampleKind::picture:
      return {"channels", "height", "width"};
    case SampleKind::vector:
      return {"columns"};
    case SampleKind::sequence:
      break;
  }
  return {"steps", "columns"};
}

void check_dataset_info(const DatasetInfo& info, ExitCode code, const std::string& place) {
  const Refusal refuse(code, place);
  if (!is_utf8({info.name, info.split}) || !is_utf8(info.class_names))
    refuse("the name, split and class names must be valid UTF-8");
  check_samples(info, refuse);
  check_conditions(info.conditions, refuse);
}

}  // namespace pathline::data
