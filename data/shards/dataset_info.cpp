#include "data/shards/dataset_info.h"

namespace pathline::data {

std::size_t ConditionArray::values() const {
  std::size_t product = 1;
  for (const std::int64_t size : field.sizes) product *= static_cast<std::size_t>(size);
  return product;
}

std::size_t ConditionArray::value_bytes() const {
  return values() * (is_label() ? sizeof(std::int64_t) : dtype == "float32" ? sizeof(float) : 1);
}

std::vector<unsigned long long> ConditionArray::dims(std::uint64_t samples) const {
  std::vector<unsigned long long> dims = {samples};
  for (const std::int64_t size : field.sizes) dims.push_back(static_cast<unsigned long long>(size));
  return dims;
}

std::string DatasetInfo::samples_path() const {
  return std::string("/") + samples_noun(shape.kind());
}

std::vector<unsigned long long> DatasetInfo::samples_dims(std::uint64_t samples) const {
  std::vector<unsigned long long> dims = {samples};
  for (const std::int64_t size : shape.sizes()) dims.push_back(static_cast<unsigned long long>(size));
  if (shape.kind() == SampleKind::picture) dims = {dims[0], dims[2], dims[3], dims[1]};  // channels last
  return dims;
}

std::size_t DatasetInfo::stored_bytes() const {
  std::size_t bytes = sample_bytes();
  for (const ConditionArray& condition : conditions) bytes += condition.value_bytes();
  return bytes;
}

std::vector<ConditionArray> DatasetInfo::all_conditions() const {
  std::vector<ConditionArray> all;
  if (!class_names.empty()) {
    ConditionArray& label = all.emplace_back();
    label.field.classes = static_cast<std::int64_t>(class_names.size());
    label.dtype = "int64";
    label.class_names = class_names;
  }
  all.insert(all.end(), conditions.begin(), conditions.end());
  return all;
}

ConditionSpec DatasetInfo::condition_spec() const {
  ConditionSpec spec;
  for (const ConditionArray& condition : all_conditions()) spec.push_back(condition.field);
  return spec;
}

const char* samples_noun(SampleKind kind) {
  switch (kind) {
    case SampleKind::picture:
      return "images";
    case SampleKind::vector:
      return "rows";
    case SampleKind::sequence:
      return "sequences";
  }
  return "samples";
}

}  // namespace pathline::data
