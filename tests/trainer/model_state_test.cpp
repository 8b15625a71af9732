#include "trainer/model_state.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/optim/adamw.h"
#include "trainer/optim/ema.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::run_ranks;
using test::TemporaryFolder;

/// One buffer, which does not begin at zero.
class Momentum final : public Optimizer {
 public:
  std::string describe() const override { return "momentum"; }
  std::vector<OptimizerBuffer> buffers() const override { return {{"momentum_buffer", 0.5}}; }
  void update(const OptimizerSlice& slice, double learning_rate, std::uint64_t) const override {
    const at::Tensor& momentum = slice.buffers.at(0);
    momentum.mul_(0.9).add_(slice.gradients);
    slice.weights.sub_(momentum, learning_rate);
  }
};

/// Sums in a fixed order, small buckets.
ModelStateSettings settings_of(std::shared_ptr<const Optimizer> optimizer, bool sharded) {
  ModelStateSettings settings;
  settings.network = test::tiny_network();
  settings.seed = 1;
  settings.optimizer = std::move(optimizer);
  settings.micro_batches = 4;
  settings.engine.reduction = "reproducible";
  settings.engine.to_owners = sharded;
  settings.engine.first_bucket_bytes = 10'000;
  settings.engine.bucket_bytes = 100'000;
  return settings;
}

ModelStateSettings with_momentum(bool sharded) {
  return settings_of(std::make_shared<Momentum>(), sharded);
}

/// A step on pictures that depend on the micro-batch only.
void take_step(ModelState& model, std::uint64_t step) {
  for (const std::uint64_t micro : model.data_parallel().micro_batches()) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(100 * step + micro);
    const at::Tensor x = at::randn({2, 1, 8, 8}, generator, at::kFloat), t = at::rand({2}, generator, at::kFloat);
    model.data_parallel().backward((model.network()->forward(x, t, {}) - x).square().mean());
  }
  model.data_parallel().finish();
  for (const OwnedSlice& own : model.owned_slices()) {
    model.optimizer().update(own.optimizer, 0.05, step);
    for (const at::Tensor& average : own.averages) update_ema(average, own.optimizer.weights, 0.75);
  }
  model.finish_update();
}

/// All tensors of what rank 0 would write, copied.
NamedTensors contents_of(ModelState& model) {
  CheckpointContents contents;
  model.describe(contents);
  NamedTensors all;
  for (const NamedTensors* tensors : {&contents.weights, &contents.ema, &contents.optimizer}) {
    for (const auto& [name, tensor] : *tensors) all.emplace_back(name, tensor.detach().clone());
  }
  return all;
}

void expect_equal(const NamedTensors& found, const NamedTensors& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].first, expected[i].first);
    EXPECT_TRUE(found[i].second.equal(expected[i].second)) << found[i].first;
  }
}

/// What rank 0 would write after three steps.
NamedTensors trained(const ModelStateSettings& settings, int ranks) {
  NamedTensors contents;
  run_ranks(ranks, [&](parallel::Communicator& communicator) {
    ModelState model(settings, communicator);
    for (const std::uint64_t step : {1, 2, 3}) take_step(model, step);
    NamedTensors own = contents_of(model);
    if (communicator.rank() == 0) contents = std::move(own);
  });
  return contents;
}

/// Writes a checkpoint of what the model holds.
std::filesystem::path write_contents(const std::filesystem::path& folder, ModelState& model) {
  CheckpointContents contents = test::contents_at(3);
  model.describe(contents);
  return write_checkpoint(folder, contents);
}

TEST(ModelState, IsTheSameHoweverItIsSharedOut) {
  const NamedTensors expected = trained(with_momentum(false), 1);

  expect_equal(trained(with_momentum(false), 2), expected);
  expect_equal(trained(with_momentum(true), 1), expected);
  expect_equal(trained(with_momentum(true), 2), expected);
  expect_equal(trained(with_momentum(true), 3), expected);
}

TEST(ModelState, NamesBuffersAsTheOptimizerDoes) {
  const auto self = parallel::make_self_communicator();
  CheckpointContents contents;

  ModelState(settings_of(std::make_shared<AdamW>(AdamWSettings{}), false), *self).describe(contents);

  const std::size_t parameters = contents.optimizer.size() / 2;
  EXPECT_EQ(contents.optimizer.front().first, "exp_avg." + contents.weights.front().first);
  EXPECT_EQ(contents.optimizer[parameters].first, "exp_avg_sq." + contents.weights.front().first);
}

TEST(ModelState, KeepsOnlyItsShareOfBuffersAndAveragesWhereSharded) {
  std::vector<std::int64_t> shares(2);
  std::int64_t all = 0;

  run_ranks(2, [&](parallel::Communicator& communicator) {
    ModelState model(with_momentum(true), communicator);
    shares[static_cast<std::size_t>(communicator.rank())] = model.owned_values();
    if (communicator.rank() == 0) all = model.data_parallel().engine().layout().size();
  });

  EXPECT_EQ(shares[0] + shares[1], all);
  EXPECT_LT(std::max(shares[0], shares[1]), all * 3 / 4);
}

TEST(ModelState, TakesUpWhereACheckpointEndsOnAnyNumberOfRanks) {
  const TemporaryFolder folder;
  const auto self = parallel::make_self_communicator();
  ModelState undisturbed(with_momentum(false), *self);
  for (const std::uint64_t step : {1, 2}) take_step(undisturbed, step);
  const CheckpointInfo checkpoint = open_checkpoint(write_contents(folder.path(), undisturbed));
  take_step(undisturbed, 3);
  const NamedTensors expected = contents_of(undisturbed);

  for (const bool sharded : {false, true}) {
    run_ranks(2, [&](parallel::Communicator& communicator) {
      ModelState model(with_momentum(sharded), communicator);
      if (communicator.rank() == 0) model.restore(checkpoint);
      model.broadcast();
      take_step(model, 3);
      const NamedTensors found = contents_of(model);
      if (communicator.rank() == 0) expect_equal(found, expected);
    });
  }
}

TEST(ModelState, BeginsTheOptimizerAnewFromACheckpointWithoutItsTensors) {
  const TemporaryFolder folder;
  CheckpointContents imported = test::contents_at(0);
  imported.optimizer.clear();
  const CheckpointInfo checkpoint = open_checkpoint(write_checkpoint(folder.path(), imported));

  for (const bool sharded : {false, true}) {
    run_ranks(2, [&](parallel::Communicator& communicator) {
      ModelState model(with_momentum(sharded), communicator);
      if (communicator.rank() == 0) model.restore(checkpoint);
      model.broadcast();
      CheckpointContents contents;
      model.describe(contents);
      for (const auto& [name, tensor] : contents.optimizer) EXPECT_TRUE(tensor.eq(0.5).all().item<bool>()) << name;
      if (communicator.rank() == 0) expect_equal(contents.weights, imported.weights);
    });
  }
}

TEST(ModelState, RefusesTheBuffersOfAnotherOptimizer) {
  const TemporaryFolder folder;
  const auto self = parallel::make_self_communicator();
  ModelState before(with_momentum(false), *self);
  const CheckpointInfo checkpoint = open_checkpoint(write_contents(folder.path(), before));
  ModelState now(settings_of(std::make_shared<AdamW>(AdamWSettings{}), false), *self);

  const Error error = error_of([&] { now.restore(checkpoint); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.what(), "optimizer.safetensors")) << error.what();
  EXPECT_TRUE(contains(error.what(), "exp_avg")) << error.what();
  EXPECT_TRUE(contains(error.what(), "momentum_buffer")) << error.what();
}

TEST(ModelState, MakesTheAveragedNetworkWhereTheAverageIsSharded) {
  const NamedTensors expected = trained(with_momentum(false), 1);

  run_ranks(2, [&](parallel::Communicator& communicator) {
    ModelState model(with_momentum(true), communicator);
    for (const std::uint64_t step : {1, 2, 3}) take_step(model, step);
    model.collect_averages();
    if (communicator.rank() != 0) return;
    const auto average = flow::named_state(model.averaged_network());
    const NamedTensors part(expected.begin() + static_cast<std::ptrdiff_t>(average.size()),
                            expected.begin() + static_cast<std::ptrdiff_t>(2 * average.size()));
    expect_equal(average, part);
    EXPECT_FALSE(model.averaged_network().is_training());
  });
}

TEST(ModelState, NoticesWeightsThatDifferBetweenRanks) {
  run_ranks(2, [](parallel::Communicator& communicator) {
    ModelState model(with_momentum(false), communicator);
    EXPECT_NO_THROW(model.check_same_weights("at the start"));
    if (communicator.rank() == 1) {
      const at::NoGradGuard no_grad;
      model.network()->parameters().front().add_(1e-6);
    }

    const Error error = error_of([&] { model.check_same_weights("after step 7"); });

    EXPECT_EQ(error.code(), ExitCode::peer);
    EXPECT_TRUE(contains(error.what(), "different weights after step 7")) << error.what();
  });
}

}  // namespace
}  // namespace pathline
