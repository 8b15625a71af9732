#include "trainer/batch_condition.h"

#include <stdexcept>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/data/shards/conditioned_fixture.h"
#include "trainer/training_batch.h"

namespace pathline {
namespace {

/// The first samples of a conditioned set (tests/data/shards/conditioned_fixture.h) as a reader gives them.
data::Batch batch_of(const data::DatasetInfo& info, std::uint64_t count) {
  data::Batch batch;
  batch.values.resize(count * info.sample_bytes());
  batch.conditions.resize(1 + info.conditions.size());
  batch.conditions[0].resize(count * sizeof(std::int64_t));
  for (std::size_t k = 0; k < info.conditions.size(); ++k)
    batch.conditions[1 + k].resize(count * info.conditions[k].value_bytes());
  for (std::uint64_t id = 0; id < count; ++id) {
    batch.samples.push_back({id, 0, id});
    const std::vector<std::byte> sample = data::small_sample(info, id);
    std::memcpy(batch.values.data() + id * sample.size(), sample.data(), sample.size());
    const std::int64_t label = data::small_label(id);
    std::memcpy(batch.conditions[0].data() + id * sizeof label, &label, sizeof label);
    for (std::size_t k = 0; k < info.conditions.size(); ++k) {
      const std::vector<std::byte> value = data::small_condition(info, id, k);
      std::memcpy(batch.conditions[1 + k].data() + id * value.size(), value.data(), value.size());
    }
  }
  return batch;
}

ConditionSpec with_null(ConditionSpec spec) {
  for (ConditionField& field : spec) field.has_null = true;
  return spec;
}

TEST(BatchCondition, IsWhatTheNetworkExpects) {
  const data::DatasetInfo info = data::conditioned_info();
  const ConditionSpec spec = info.condition_spec();

  const flow::Condition found = batch_condition(batch_of(info, 6), info, spec);

  ASSERT_NO_THROW(flow::check_condition(found, spec, 6));
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto id = static_cast<std::uint64_t>(i);
    EXPECT_EQ(found.values[0][i].item<std::int64_t>(), data::small_label(id));
    EXPECT_EQ(found.values[4][i].item<std::int64_t>(), (i * 3 + 1) % 4);
  }
  // params: id + i/8, scaled by column; view: bytes [2, 1, 2].
  for (std::int64_t k = 0; k < 3; ++k) {
    const auto c = static_cast<std::size_t>(k);
    const double value = 5 + 0.125 * static_cast<double>(k);
    const double scaled = (value - info.conditions[0].mean[c]) / info.conditions[0].scale[c];
    EXPECT_EQ(found.values[1][5][k].item<float>(), static_cast<float>(scaled));
  }
  EXPECT_EQ(found.values[2][2][1][0][1].item<float>(), static_cast<float>((2 * 17 + 3 * 5 + 3 - 127.5) / 127.5));
}

TEST(BatchCondition, ScalesATensorByItsFirstDimension) {
  data::DatasetInfo info = data::conditioned_info();
  info.conditions[1].mean = {10, 20};
  info.conditions[1].scale = {2, 4};

  const flow::Condition found = batch_condition(batch_of(info, 3), info, info.condition_spec());

  const at::Tensor bytes = torch::arange(4, torch::kFloat).mul(5).add(17 * 2 + 3).reshape({2, 1, 2});
  EXPECT_TRUE(found.values[2][2][0].equal((bytes[0] - 10) / 2));
  EXPECT_TRUE(found.values[2][2][1].equal((bytes[1] - 20) / 4));
}

TEST(BatchCondition, HasTheFieldsOfTheNetworkInItsOrder) {
  const data::DatasetInfo info = data::conditioned_info();
  const ConditionSpec all = info.condition_spec(), some = {all[4], all[1]};

  const flow::Condition found = batch_condition(batch_of(info, 2), info, some);

  ASSERT_NO_THROW(flow::check_condition(found, some, 2));
  EXPECT_TRUE(batch_condition(batch_of(info, 2), info, {}).empty());
}

TEST(BatchCondition, FieldsThatTheSetDoesNotHaveAreAMistake) {
  const data::DatasetInfo info = data::conditioned_info();
  ConditionSpec other = info.condition_spec(), wide = other;
  other[1].name = "pose";
  wide[1].sizes = {4};

  for (const ConditionSpec& spec : {other, wide})
    EXPECT_THROW(batch_condition(batch_of(info, 2), info, spec), std::logic_error);
}

TEST(BatchCondition, ATrainingBatchDropsAllFieldsOfASampleTogether) {
  const data::DatasetInfo info = data::conditioned_info();
  const ConditionSpec spec = with_null(info.condition_spec());
  flow::FlowWords words;
  words.condition_drop = 0.5;
  BatchSettings settings;
  settings.flow = make_flow_spec(words);
  settings.condition = spec;

  const flow::Condition found = make_training_batch(batch_of(info, 40), info, settings).condition;

  const flow::Condition nothing = flow::null_condition(spec, 40, at::kCPU);
  int dropped = 0;
  for (std::int64_t i = 0; i < 40; ++i) {
    const bool label_gone = found.values[0][i].equal(nothing.values[0][i]);
    EXPECT_EQ(found.values[1][i].equal(nothing.values[1][i]), label_gone) << i;
    EXPECT_EQ(found.values[4][i].equal(nothing.values[4][i]), label_gone) << i;
    dropped += label_gone ? 1 : 0;
  }
  EXPECT_GT(dropped, 0);
  EXPECT_LT(dropped, 40);
}

}  // namespace
}  // namespace pathline
