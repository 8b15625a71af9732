#pragma once
// A small set with one condition of each kind and known values.

#include <cstring>
#include <utility>
#include <vector>

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {

/// params: vector [3]; view: tensor uint8 [2, 1, 2]; field: tensor float32 [1, 2]; sort: label of 4 classes.
inline DatasetInfo conditioned_info(DatasetInfo info = small_info()) {
  ConditionArray params;
  params.field = {"params", ConditionField::Kind::vector, 0, {3}, false};
  params.dtype = "float32";
  params.mean = {1, -2, 0.5};
  params.scale = {0.25, 3, 1};
  ConditionArray view;
  view.field = {"view", ConditionField::Kind::tensor, 0, {2, 1, 2}, false};
  view.dtype = "uint8";
  view.mean = view.scale = {127.5, 127.5};
  ConditionArray field;
  field.field = {"field", ConditionField::Kind::tensor, 0, {1, 2}, false};
  field.dtype = "float32";
  field.mean = {0};
  field.scale = {1};
  ConditionArray sort;
  sort.field = {"sort", ConditionField::Kind::label, 4, {}, false};
  sort.dtype = "int64";
  info.conditions = {params, view, field, sort};
  return info;
}

/// The value of condition `index` of sample `id`: differs between samples, conditions and places.
inline std::vector<std::byte> small_condition(const DatasetInfo& info, std::uint64_t id, std::size_t index) {
  const ConditionArray& condition = info.conditions[index];
  std::vector<std::byte> value(condition.value_bytes());
  if (condition.field.kind == ConditionField::Kind::label) {
    const auto label = static_cast<std::int64_t>((id * 3 + 1) % static_cast<std::uint64_t>(condition.field.classes));
    std::memcpy(value.data(), &label, sizeof label);
  } else if (condition.dtype == "float32") {
    for (std::size_t i = 0; i < value.size() / 4; ++i) {
      const float number = static_cast<float>(id) + 100 * static_cast<float>(index) + 0.125f * static_cast<float>(i);
      std::memcpy(value.data() + 4 * i, &number, 4);
    }
  } else {
    for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<std::byte>((id * 17 + i * 5 + 3) & 255);
  }
  return value;
}

inline ConditionValues small_conditions(const DatasetInfo& info, std::uint64_t id) {
  ConditionValues values;
  for (std::size_t i = 0; i < info.conditions.size(); ++i) values.push_back(small_condition(info, id, i));
  return values;
}

inline DatasetInfo write_conditioned_set(const std::filesystem::path& folder, std::uint64_t count,
                                         std::uint64_t per_shard, DatasetInfo info = conditioned_info()) {
  ShardWriter writer(folder, info, per_shard);
  for (std::uint64_t id = 0; id < count; ++id)
    writer.add(small_sample(info, id).data(), small_label(id), small_conditions(info, id));
  return writer.finish();
}

}  // namespace pathline::data
