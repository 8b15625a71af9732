#include "data/sources/conditioned_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/shards/dataset_check.h"

namespace pathline::data {

namespace {

/// Every integer up to this is a float32, too.
constexpr std::int64_t largest_exact = std::int64_t{1} << 24;

bool one_number_each(const NumberArrayFacts& facts) {
  return std::all_of(facts.dims.begin() + 1, facts.dims.end(), [](std::uint64_t extent) { return extent == 1; });
}

std::string dims_text(const NumberArrayFacts& facts) {
  return fmt::format("[{}]", fmt::join(facts.dims, ", "));
}

/// The condition that an array becomes; the classes of a label are not known yet.
ConditionArray condition_from(const std::string& name, const NumberArrayFacts& facts) {
  ConditionArray condition;
  condition.field.name = name;
  condition.dtype = "float32";
  if (one_number_each(facts) && !is_float(facts.type)) {
    condition.field.kind = ConditionField::Kind::label;
    condition.dtype = "int64";
    return condition;
  }
  for (std::size_t i = 1; i < facts.dims.size(); ++i)
    condition.field.sizes.push_back(static_cast<std::int64_t>(facts.dims[i]));
  if (condition.field.sizes.empty()) condition.field.sizes = {1};
  const bool vector = condition.field.sizes.size() == 1;
  condition.field.kind = vector ? ConditionField::Kind::vector : ConditionField::Kind::tensor;
  if (!vector && facts.type == NumberType::uint8) condition.dtype = "uint8";
  return condition;
}

/// Where number `index` of a value lies, "[3]" or "[0, 2, 1]".
std::string index_text(std::size_t index, const std::vector<std::int64_t>& sizes) {
  std::vector<std::size_t> at(sizes.size());
  for (std::size_t i = sizes.size(); i-- > 0;) {
    at[i] = index % static_cast<std::size_t>(sizes[i]);
    index /= static_cast<std::size_t>(sizes[i]);
  }
  return fmt::format("[{}]", fmt::join(at, ", "));
}

std::vector<std::byte> as_floats(std::span<const std::byte> raw, NumberType type, const ConditionField& field) {
  const std::size_t count = raw.size() / bytes_of(type);
  std::vector<std::byte> values(count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    const double value = number_at(raw.data(), i, type);
    const auto stored = static_cast<float>(value);
    const auto refuse = [&](const char* what) {
      throw BadSample(fmt::format("condition {}: {} at {}: {}", field.name, value, index_text(i, field.sizes), what));
    };
    if (!std::isfinite(value)) refuse("not a finite number");
    if (!std::isfinite(stored)) refuse("too large for float32");
    if (!is_float(type)) {
      const std::int64_t integer = integer_at(raw.data(), i, type);
      if (integer > largest_exact || integer < -largest_exact) refuse("float32 holds integers up to 16777216 only");
    }
    std::memcpy(values.data() + i * sizeof(float), &stored, sizeof stored);
  }
  return values;
}

}  // namespace

ConditionedSource::ConditionedSource(std::unique_ptr<SampleSource> samples, std::vector<NamedArray> conditions)
    : samples_(std::move(samples)), conditions_(std::move(conditions)), labels_(conditions_.size()) {
  facts_ = samples_->facts();
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    NumberArray& array = *conditions_[i].array;
    const NumberArrayFacts& facts = array.facts();
    const auto fail = [&](const std::string& message, const std::string& hint = {}) {
      throw Error(ExitCode::bad_input, message, facts.place, hint);
    };
    if (facts.dims.empty() || facts.dims[0] != facts_.count) {
      fail(fmt::format("condition {}: expected one value for each of the {} samples, found an array of dimensions {}",
                       conditions_[i].name, facts_.count, dims_text(facts)));
    }
    ConditionArray condition = condition_from(conditions_[i].name, facts);
    if (condition.field.kind == ConditionField::Kind::label) {
      labels_[i] = read_labels(array);
      const auto [least, most] = std::minmax_element(labels_[i].begin(), labels_[i].end());
      if (*least < 0 || *most >= most_classes) {
        fail(fmt::format("condition {}: {} is no class; expected 0 to {}", conditions_[i].name,
                         *least < 0 ? *least : *most, most_classes - 1),
             "numbers that count nothing are a vector: save them as floats");
      }
      condition.field.classes = *most + 1;
    } else {
      raw_bytes_ += facts.value_bytes();
    }
    facts_.fingerprint += ", " + facts.fingerprint;
    facts_.conditions.push_back(std::move(condition));
  }
}

void ConditionedSource::fetch(std::uint64_t number, std::vector<std::byte>& raw) {
  raw.clear();
  samples_->fetch(number, raw);
  std::size_t at = raw.size();
  raw.resize(at + raw_bytes_);
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (!labels_[i].empty()) continue;
    conditions_[i].array->read(number, 1, raw.data() + at);
    at += conditions_[i].array->facts().value_bytes();
  }
}

void ConditionedSource::decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const {
  std::span<const std::byte> rest = raw.last(raw_bytes_);
  samples_->decode(number, raw.first(raw.size() - raw_bytes_), out);
  out.conditions.clear();
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    std::vector<std::byte>& value = out.conditions.emplace_back();
    if (!labels_[i].empty()) {
      value.resize(sizeof(std::int64_t));
      std::memcpy(value.data(), &labels_[i][number], sizeof(std::int64_t));
      continue;
    }
    const NumberArrayFacts& facts = conditions_[i].array->facts();
    const std::span<const std::byte> mine = rest.first(facts.value_bytes());
    rest = rest.subspan(mine.size());
    const ConditionArray& condition = facts_.conditions[i];
    if (condition.dtype == "uint8") {
      value.assign(mine.begin(), mine.end());
    } else {
      value = as_floats(mine, facts.type, condition.field);
    }
  }
}

}  // namespace pathline::data
