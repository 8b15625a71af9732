#include "trainer/training_batch.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "flow/couplings/coupled_batch.h"
#include "flow/training_draws.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

ConditionSpec three_classes() {
  ConditionField label;
  label.classes = 3;
  label.has_null = true;
  return {label};
}

BatchSettings settings_with(double condition_drop) {
  flow::FlowWords words;
  words.condition_drop = condition_drop;
  return {11, 8, make_flow_spec(words), three_classes(), {11, true, 2}};
}

/// `count` pictures of one pixel, labelled 0, 1, 2, 0, …
data::Batch batch_of(std::uint64_t count) {
  data::Batch batch;
  std::vector<std::int64_t> labels;
  for (std::uint64_t i = 0; i < count; ++i) {
    batch.samples.push_back({i, 0, i});
    labels.push_back(static_cast<std::int64_t>(i % 3));
  }
  batch.conditions.resize(1);
  batch.conditions[0].resize(labels.size() * sizeof labels[0]);
  std::memcpy(batch.conditions[0].data(), labels.data(), batch.conditions[0].size());
  batch.values.resize(count);
  std::fill(batch.values.begin(), batch.values.end(), std::byte{7});
  return batch;
}

data::DatasetInfo one_pixel() {
  data::DatasetInfo info;
  info.shape = SampleShape::picture(1, 1, 1);
  info.dtype = "uint8";
  info.mean = info.scale = {127.5};
  info.class_names = {"a", "b", "c"};
  return info;
}

BatchSettings without_cuts(BatchSettings settings) {
  settings.pictures.crop_padding = 0;
  return settings;
}

TEST(MakeTrainingBatch, GivesASampleTheSameInAnyBatch) {
  const test::TemporaryFolder folder;
  test::write_tiny_shards(folder / "shards");
  const auto shards = data::ShardSet::open(folder / "shards");
  data::ReaderOptions two_at_a_time, eight;
  two_at_a_time.plan = {8, 2, 0, 1};
  eight.plan = {8, 8, 0, 1};
  data::Reader small(shards, two_at_a_time), large(shards, eight);
  const BatchSettings settings = settings_with(0.5);

  const flow::ObjectiveBatch whole = make_training_batch(large.next(), shards.info(), settings);

  for (std::int64_t i = 0; i < 8; i += 2) {
    const flow::ObjectiveBatch part = make_training_batch(small.next(), shards.info(), settings);
    EXPECT_TRUE(part.x1.equal(whole.x1.slice(0, i, i + 2)));
    EXPECT_TRUE(part.x0.equal(whole.x0.slice(0, i, i + 2)));
    EXPECT_TRUE(part.t.equal(whole.t.slice(0, i, i + 2)));
    EXPECT_TRUE(part.condition.values.at(0).equal(whole.condition.values.at(0).slice(0, i, i + 2)));
    EXPECT_TRUE(part.draws.uniform(0).equal(whole.draws.uniform(0).slice(0, i, i + 2)));
  }
}

TEST(MakeTrainingBatch, DropsLabelsWhereTheDrawsSaySo) {
  const BatchSettings settings = without_cuts(settings_with(0.25));

  const flow::ObjectiveBatch batch = make_training_batch(batch_of(50), one_pixel(), settings);

  std::vector<flow::SampleKey> keys;
  for (std::uint64_t i = 0; i < 50; ++i) keys.push_back({i, 0, i});
  const flow::TrainingDraws draws =
      draw_for_training(*settings.flow.training, 11, keys, 8, SampleShape::picture(1, 1, 1));
  const at::Tensor labels = at::arange(50).remainder(3);
  EXPECT_TRUE(batch.condition.values.at(0).equal(at::where(draws.dropped, 3, labels)));
  EXPECT_TRUE(draws.dropped.any().item<bool>());
}

TEST(MakeTrainingBatch, HasNoConditionForAnUnconditionalNetwork) {
  BatchSettings settings = without_cuts(settings_with(0));
  settings.condition = {};

  EXPECT_TRUE(make_training_batch(batch_of(4), one_pixel(), settings).condition.empty());
}

/// Hands noise round, so it has to see the global batch.
class Swapped final : public flow::Coupling {
 public:
  std::string text() const override { return "swapped"; }
  bool hands_round() const override { return true; }
  std::vector<std::int64_t> partners(const flow::CoupledBatch&) const override { return {1, 0}; }
};

TEST(MakeTrainingBatch, RefusesToCoupleAMicroBatchAlone) {
  BatchSettings settings = without_cuts(settings_with(0));
  settings.flow.training->coupling = std::make_shared<Swapped>();

  EXPECT_THROW(make_training_batch(batch_of(2), one_pixel(), settings), std::logic_error);
}

}  // namespace
}  // namespace pathline
