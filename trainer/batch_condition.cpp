#include "trainer/batch_condition.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "data/shards/normalizer.h"

namespace pathline {
namespace {

at::Tensor labels_of(const std::byte* stored, std::int64_t count) {
  at::Tensor labels = at::empty({count}, at::kLong);
  std::memcpy(labels.mutable_data_ptr(), stored, labels.nbytes());
  return labels;
}

at::Tensor numbers_of(const std::byte* stored, const data::ConditionArray& array, std::int64_t count) {
  std::vector<std::int64_t> sizes = {count};
  sizes.insert(sizes.end(), array.field.sizes.begin(), array.field.sizes.end());
  at::Tensor result = at::empty(sizes, at::kFloat);
  auto* out = result.mutable_data_ptr<float>();
  const std::size_t values = array.values(), bytes = array.value_bytes();
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i)
      data::normalize_condition(array, stored + i * bytes, out + i * values);
  });
  return result;
}

}  // namespace

flow::Condition batch_condition(const data::Batch& batch, const data::DatasetInfo& info, const ConditionSpec& spec) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  const std::vector<data::ConditionArray> arrays = info.all_conditions();
  flow::Condition condition;
  for (const ConditionField& field : spec) {
    const auto found = std::find_if(arrays.begin(), arrays.end(), [&](const data::ConditionArray& array) {
      return array.field.name == field.name && array.field.kind == field.kind && array.field.sizes == field.sizes;
    });
    if (found == arrays.end())
      throw std::logic_error("the data set has no condition '" + field.name + "' of this kind");
    const std::byte* stored = batch.conditions.at(static_cast<std::size_t>(found - arrays.begin())).data();
    condition.values.push_back(found->is_label() ? labels_of(stored, count) : numbers_of(stored, *found, count));
  }
  return condition;
}

}  // namespace pathline
