#include "flow/training_draws.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

const SampleShape shape = SampleShape::sequence(2, 3);

std::vector<SampleKey> keys(std::uint64_t first, std::uint64_t count) {
  std::vector<SampleKey> all;
  for (std::uint64_t i = first; i < first + count; ++i) all.push_back({i, i / 100, (7 * i) % 100});
  return all;
}

FlowTraining training_with(double condition_drop) {
  FlowWords words;
  words.condition_drop = condition_drop;
  return *make_flow_spec(words).training;
}

TEST(TrainingDraws, BelongToTheSampleNotToTheBatch) {
  const FlowTraining training = training_with(0.5);

  const TrainingDraws all = draw_for_training(training, 3, keys(0, 8), 8, shape);
  const TrainingDraws part = draw_for_training(training, 3, keys(5, 2), 8, shape);

  EXPECT_TRUE(at::equal(part.x0, all.x0.narrow(0, 5, 2)));
  EXPECT_TRUE(at::equal(part.t, all.t.narrow(0, 5, 2)));
  EXPECT_TRUE(at::equal(part.dropped, all.dropped.narrow(0, 5, 2)));
}

// docs/random-numbers.md: these streams are what a run is.
TEST(TrainingDraws, AreTheStreamsOfNoiseTimeAndDrop) {
  const SampleKey key{42, 3, 9};

  const TrainingDraws draws = draw_for_training(training_with(0.5), 11, {&key, 1}, 8, shape);

  std::vector<float> noise(6);
  RandomStream(11, Purpose::noise, 3, 9).fill_normal(std::span<float>(noise));
  EXPECT_TRUE(at::equal(draws.x0, at::tensor(noise).view({1, 2, 3})));
  EXPECT_EQ(draws.t.item<float>(), static_cast<float>(RandomStream(11, Purpose::time, 3, 9).uniform()));
  EXPECT_EQ(draws.dropped.item<bool>(), RandomStream(11, Purpose::label_drop, 3, 9).uniform() < 0.5);
}

TEST(TrainingDraws, DropConditionsAtTheRateAskedAndNoneWithoutOne) {
  const TrainingDraws some = draw_for_training(training_with(0.25), 3, keys(0, 2000), 8, shape);
  const TrainingDraws none = draw_for_training(training_with(0), 3, keys(0, 4), 8, shape);

  EXPECT_NEAR(some.dropped.sum().item<double>(), 500, 97);  // five standard deviations
  EXPECT_FALSE(none.dropped.defined());
}

TEST(TrainingDraws, FollowTheTimeDistribution) {
  FlowWords words;
  words.time = "logit-normal:2,0.5";
  const FlowTraining training = *make_flow_spec(words).training;

  const TrainingDraws draws = draw_for_training(training, 3, keys(0, 1000), 8, shape);

  EXPECT_NEAR(at::logit(draws.t.to(at::kDouble)).mean().item<double>(), 2, 5 * 0.5 / std::sqrt(1000.0));
}

/// Says where in its global batch each sample is.
class Places final : public TimeDistribution {
 public:
  std::string text() const override { return "places"; }
  double quantile(double u) const override { return u; }
  double time(const TimeDraw& draw) const override {
    return static_cast<double>(draw.place) / static_cast<double>(draw.count);
  }
};

TEST(TrainingDraws, TellTheTimeDistributionThePlaceInTheGlobalBatch) {
  FlowTraining training = training_with(0);
  training.time = std::make_shared<Places>();

  const TrainingDraws draws = draw_for_training(training, 3, keys(14, 4), 8, shape);

  EXPECT_TRUE(at::equal(draws.t, at::tensor({6 / 8.0f, 7 / 8.0f, 0.0f, 1 / 8.0f})));
}

}  // namespace
}  // namespace pathline::flow
