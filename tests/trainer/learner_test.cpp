#include "trainer/learner.h"

#include <cmath>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "flow/objectives/loss.h"
#include "flow/paths/path_point.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/train_setup.h"

namespace pathline {
namespace {

using test::TemporaryFolder;

/// A learner on a tiny data set, alone.
class LearnerTest : public testing::Test {
 protected:
  static RunConfig fitted(const TemporaryFolder& folder, const data::ShardSet& shards) {
    const Config config = test::tiny_config(folder.path());
    RunConfig run = resolve_run_config(config, 1, 1, 1);
    fit_to_data(run, config, shards.info());
    return run;
  }
  static data::ShardSet written(const std::filesystem::path& folder) {
    test::write_tiny_shards(folder);
    return data::ShardSet::open(folder);
  }
  /// The first global batch of eight, in micro-batches of `micro_batch`.
  data::ReaderOptions batches_of(std::uint64_t micro_batch) const {
    data::ReaderOptions options;
    options.seed = run_.train.seed;
    options.plan = {8, micro_batch, 0, 1};
    return options;
  }
  /// The losses' sum.
  double accumulate_all() {
    data::Reader reader(shards_, batches_of(2));
    double loss = 0;
    for ([[maybe_unused]] const auto micro : learner_.micro_batches())
      loss += learner_.accumulate(reader.next()).loss_sum;
    return loss;
  }

  TemporaryFolder folder_;
  const data::ShardSet shards_ = written(folder_ / "shards");
  const RunConfig run_ = fitted(folder_, shards_);
  const std::unique_ptr<parallel::Communicator> self_ = parallel::make_self_communicator();
  ModelState model_{model_state_settings(run_, nullptr), *self_};
  Learner learner_{run_, shards_.info(), model_};
};

TEST_F(LearnerTest, MakesTheGradientOfTheWholeBatchFromItsMicroBatches) {
  const double loss = accumulate_all();
  EXPECT_EQ(learner_.reduce(), "");
  const double norm = learner_.gradient_norm();

  // The oracle: one plain backward of the mean over all eight samples.
  const auto network = flow::make_network(run_.network, run_.train.seed);
  data::Reader whole(shards_, batches_of(8));
  const flow::ObjectiveBatch batch =
      make_training_batch(whole.next(), shards_.info(), {run_.train.seed, 8, run_.flow, {}, {}});
  const flow::PathPoint point = batch.path->point(batch.x0, batch.x1, batch.t);
  const at::Tensor mean_loss = flow::velocity_loss_mean(network->forward(point.x_t, batch.t, {}), point.velocity);
  mean_loss.backward();
  double squares = 0;
  for (const auto& parameter : network->parameters())
    squares += parameter.grad().to(at::kDouble).square().sum().item<double>();
  EXPECT_NEAR(loss / 8, mean_loss.item<double>(), 1e-5);
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-4 * std::sqrt(squares));
}

/// Loss 3 for every sample, and a gradient of 1 in every output.
class Sum final : public flow::Objective {
 public:
  std::string text() const override { return "sum"; }
  at::Tensor losses(flow::VelocityNetwork& network, const flow::ObjectiveBatch& batch) const override {
    const at::Tensor output = network.forward(batch.x1, batch.t, batch.condition).flatten(1).sum(1);
    return output - output.detach() + 3;
  }
};

TEST_F(LearnerTest, MinimisesWhatTheObjectiveSays) {
  RunConfig run = run_;
  run.flow.training->objective = std::make_shared<Sum>();
  Learner learner(run, shards_.info(), model_);
  data::Reader reader(shards_, batches_of(2));

  double loss = 0;
  for ([[maybe_unused]] const auto micro : learner.micro_batches()) loss += learner.accumulate(reader.next()).loss_sum;
  learner.reduce();

  EXPECT_EQ(loss, 8 * 3);
  EXPECT_GT(learner.gradient_norm(), 0);
}

TEST_F(LearnerTest, ClipsUpdatesAndAverages) {
  accumulate_all();
  learner_.reduce();
  const double norm = learner_.gradient_norm();
  ASSERT_GT(norm, 0);
  const auto weights = [](const torch::nn::Module& network) {
    std::vector<at::Tensor> flat;
    for (const at::Tensor& parameter : network.parameters()) flat.push_back(parameter.detach().flatten());
    return at::cat(flat);
  };
  const at::Tensor before = weights(*model_.network());

  const bool clipped = learner_.update(1e6, {1e-2, 0.25}, 1);

  EXPECT_TRUE(clipped);
  const at::Tensor after = weights(*model_.network());
  EXPECT_FALSE(after.equal(before));
  EXPECT_TRUE(at::allclose(weights(model_.averaged_network()), 0.25 * before + 0.75 * after, 1e-5, 1e-7));
  EXPECT_EQ(learner_.gradient_norm(), 0.0);
}

TEST_F(LearnerTest, ForgetsADiscardedStep) {
  accumulate_all();
  learner_.reduce();
  const double norm = learner_.gradient_norm();

  learner_.discard();

  EXPECT_EQ(learner_.gradient_norm(), 0.0);
  accumulate_all();
  learner_.reduce();
  EXPECT_EQ(learner_.gradient_norm(), norm);
}

}  // namespace
}  // namespace pathline
