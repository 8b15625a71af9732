#include "trainer/train.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "flow/objectives/loss.h"
#include "flow/paths/path.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/learner.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;
using test::run_ranks;
using test::TemporaryFolder;
using test::tiny_config;

/// A folder with a tiny data set, and what training in it gives.
class Train : public testing::Test {
 protected:
  Train() { test::write_tiny_shards(folder_ / "shards"); }

  TrainOutcome run(const std::vector<std::string>& options = {}, int ranks = 1, const TrainCallbacks& callbacks = {},
                   const TrainOptions& train_options = {}) {
    std::vector<std::string> all = {"--data.shards", (folder_ / "shards").string()};
    all.insert(all.end(), options.begin(), options.end());
    const Config config = tiny_config(folder_.path(), all);
    std::vector<TrainOutcome> outcomes(static_cast<std::size_t>(ranks));
    run_ranks(ranks, [&](parallel::Communicator& communicator) {
      outcomes[static_cast<std::size_t>(communicator.rank())] = train(config, communicator, callbacks, train_options);
    });
    for (const TrainOutcome outcome : outcomes) EXPECT_EQ(outcome, outcomes[0]);
    return outcomes[0];
  }

  /// Options that send a run's output to `name` below the folder.
  std::vector<std::string> into(const std::string& name, std::vector<std::string> more = {}) const {
    more.insert(more.begin(),
                {"--checkpoint.dir", (folder_ / name).string(), "--log.dir", (folder_ / (name + "-log")).string()});
    return more;
  }

  /// Hash over the three tensor files and the state of a checkpoint.
  std::string bits(const std::string& name, std::uint64_t step = 6) const {
    const fs::path checkpoint = folder_ / name / fmt::format("step-{:09d}", step);
    std::string all;
    for (const char* file : {"model.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"}) {
      all += sha256_file(checkpoint / file);
    }
    return all;
  }

  TemporaryFolder folder_;
};

TEST_F(Train, WritesCheckpointsMetricsAndTheConfiguration) {
  EXPECT_EQ(run(), TrainOutcome::finished);

  EXPECT_TRUE(fs::exists(folder_ / "run/step-000000003"));
  const CheckpointInfo last = open_checkpoint(folder_ / "run");
  EXPECT_EQ(last.state.step, 6U);
  EXPECT_EQ(last.state.position, 48U);
  EXPECT_EQ(last.state.ema_images, 48.0);
  EXPECT_TRUE(contains(last.config_ini, "global_batch = 8"));
  EXPECT_TRUE(contains(test::file_text(folder_ / "log/metrics.jsonl"), R"("kind":"train","step":6,"images":48)"));
}

TEST_F(Train, LowersTheLoss) {
  run({"--train.steps", "80", "--log.every", "20", "--checkpoint.every", "0", "--optimizer.lr", "2e-3"});

  std::vector<double> losses;
  std::istringstream lines(test::file_text(folder_ / "log/metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const auto record = nlohmann::json::parse(line);
    if (record["kind"] == "train") losses.push_back(record["loss"].get<double>());
  }
  ASSERT_EQ(losses.size(), 4U);
  EXPECT_LT(losses.back(), 0.9 * losses.front());
}

TEST_F(Train, ResumedHasTheBitsOfAnUndisturbedRun) {
  const std::vector<std::string> dropout = {"--network.dropout",  "0.2", "--network.classes", "3",
                                            "--flow.label_drop",  "0.3", "--train.flip",      "true",
                                            "--optimizer.warmup", "4"};
  auto half = into("resumed", dropout);
  half.insert(half.end(), {"--train.steps", "3"});

  run(into("undisturbed", dropout));
  run(half);
  run(into("resumed", dropout));

  EXPECT_EQ(bits("undisturbed"), bits("resumed"));
}

TEST_F(Train, GivesTheSameBitsOnAnyNumberOfRanks) {
  run(into("one"), 1);
  run(into("two"), 2);
  run(into("three"), 3);
  run(into("four"), 4);

  EXPECT_EQ(bits("one"), bits("two"));
  EXPECT_EQ(bits("one"), bits("three"));
  EXPECT_EQ(bits("one"), bits("four"));
}

TEST_F(Train, GoesOnWithAnotherNumberOfRanksAsIfNothingHadHappened) {
  run(into("undisturbed"));
  run(into("moved", {"--train.steps", "3"}), 4);
  run(into("moved"), 2);

  EXPECT_EQ(bits("undisturbed"), bits("moved"));
}

TEST_F(Train, GivesTheSameBitsWithAShardedOptimizer) {
  const std::vector<std::string> sharded = {"--parallel.shard_optimizer", "true", "--parallel.first_bucket_mib", "0.01",
                                            "--parallel.bucket_mib",      "0.1"};
  auto half = into("moved", sharded);
  half.insert(half.end(), {"--train.steps", "3"});
  run(into("whole"), 2);

  run(into("two", sharded), 2);
  run(into("three", sharded), 3);
  run(half, 4);                    // four shares …
  run(into("moved", sharded), 2);  // … become two
  run(into("alone", sharded), 1);

  EXPECT_EQ(bits("whole"), bits("two"));
  EXPECT_EQ(bits("whole"), bits("three"));
  EXPECT_EQ(bits("whole"), bits("moved"));
  EXPECT_EQ(bits("whole"), bits("alone"));
}

TEST_F(Train, KeepsOnlyItsShareOfTheOptimizerState) {
  const Config config = tiny_config(folder_.path(), {"--parallel.shard_optimizer", "true"});
  const RunConfig settings = [&] {
    RunConfig run = resolve_run_config(config, 2, 2, 1);
    run.shards = folder_ / "shards";
    fit_to_data(run, config, data::ShardSet::open(run.shards).info());
    return run;
  }();
  const auto shards = data::ShardSet::open(folder_ / "shards");
  std::vector<std::int64_t> shares(2);
  std::int64_t all = 0;

  run_ranks(2, [&](parallel::Communicator& communicator) {
    const Learner learner(settings, shards.info(), communicator);
    shares[static_cast<std::size_t>(communicator.rank())] = learner.optimizer_values();
    if (communicator.rank() == 0) all = learner.engine().layout().size();
  });

  EXPECT_EQ(shares[0] + shares[1], all);
  EXPECT_LT(std::max(shares[0], shares[1]), all * 3 / 4);
}

TEST_F(Train, GivesTheSameBitsWhetherReductionOverlapsBackwardOrNot) {
  run(into("during", {"--parallel.bucket_mib", "0.1"}), 2);
  run(into("after", {"--parallel.overlap", "false"}), 2);

  EXPECT_EQ(bits("during"), bits("after"));
}

TEST_F(Train, AgreesWithTheReproducibleSumToRoundingWhenFast) {
  run(into("tree", {"--train.steps", "6"}));  // a fresh network has gradients in its last layer only
  fs::copy(folder_ / "tree", folder_ / "fast", fs::copy_options::recursive);

  run(into("tree", {"--train.steps", "7"}));
  run(into("fast", {"--train.steps", "7", "--parallel.reduction", "fast", "--train.micro_batch", "0"}), 2);

  // A tenth of the clipped gradient is in exp_avg. (The weights would not do: AdamW turns the sign of a vanishing
  // gradient into a step of full size.)
  const auto tree = load_optimizer(open_checkpoint(folder_ / "tree"));
  const auto fast = load_optimizer(open_checkpoint(folder_ / "fast"));
  int compared = 0;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    if (tree[i].first.rfind("exp_avg.", 0) != 0) continue;
    EXPECT_LT((tree[i].second - fast[i].second).abs().max().item<double>(), 1e-6) << tree[i].first;
    compared += tree[i].second.abs().max().item<double>() > 1e-4 ? 1 : 0;
  }
  EXPECT_GT(compared, 10);
}

TEST_F(Train, MakesTheGradientOfTheWholeBatchFromItsMicroBatches) {
  const Config config = tiny_config(folder_.path());
  RunConfig settings = resolve_run_config(config, 1, 1, 1);
  const auto shards = data::ShardSet::open(folder_ / "shards");
  fit_to_data(settings, config, shards.info());
  const auto self = parallel::make_self_communicator();
  Learner learner(settings, shards.info(), *self);
  data::ReaderOptions two_at_a_time, eight;
  two_at_a_time.seed = eight.seed = settings.seed;
  two_at_a_time.plan = {8, 2, 0, 1};
  eight.plan = {8, 8, 0, 1};
  data::Reader micro(shards, two_at_a_time), whole(shards, eight);

  double loss = 0;
  for (int i = 0; i < 4; ++i) loss += learner.accumulate(micro.next()).loss_sum;
  EXPECT_EQ(learner.reduce(), "");
  const double norm = learner.gradient_norm();

  // The oracle: one plain backward of the mean over all eight samples.
  const auto network = flow::make_network(settings.network, settings.seed);
  const TrainingBatch batch =
      make_training_batch(whole.next(), shards.info(), {settings.seed, flow::TimeLaw::uniform(), 0, false, 0});
  const auto [x_t, target] = flow::linear_path(batch.noise, batch.images, batch.times);
  const at::Tensor mean_loss = flow::velocity_loss_mean(network->forward(x_t, batch.times, {}), target);
  mean_loss.backward();
  double squares = 0;
  for (const auto& parameter : network->parameters())
    squares += parameter.grad().to(at::kDouble).square().sum().item<double>();
  EXPECT_NEAR(loss / 8, mean_loss.item<double>(), 1e-5);
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-4 * std::sqrt(squares));
}

TEST_F(Train, DoesNothingWhenItHasFinished) {
  run();
  const std::string before = test::file_text(folder_ / "log/metrics.jsonl");

  EXPECT_EQ(run(), TrainOutcome::already_finished);

  EXPECT_EQ(test::file_text(folder_ / "log/metrics.jsonl"), before);
}

TEST_F(Train, RefusesToReuseACheckpointWhenFresh) {
  run();
  TrainOptions fresh;
  fresh.fresh = true;

  const Error error = error_of([&] { run({}, 1, {}, fresh); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "--fresh"));
}

TEST_F(Train, WritesNothingInADryRun) {
  TrainOptions dry;
  dry.dry_run = true;

  EXPECT_EQ(run({}, 2, {}, dry), TrainOutcome::dry_run);

  EXPECT_FALSE(fs::exists(folder_ / "run"));
  EXPECT_FALSE(fs::exists(folder_ / "log"));
}

TEST_F(Train, RefusesToResumeAnotherRunAndListsAllThatHasChanged) {
  run({"--train.steps", "3"});

  const Error error = error_of([&] { run({"--train.seed", "5", "--network.channels", "64"}, 2); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "train.seed: 0 in the checkpoint, 5 now"));
  EXPECT_TRUE(contains(error.what(), "network.channels: 32 in the checkpoint, 64 now"));
}

TEST_F(Train, RefusesToResumeWithOtherData) {
  run({"--train.steps", "3"});
  test::write_tiny_shards(folder_ / "other", 24);

  const Error error = error_of([&] { run({"--data.shards", (folder_ / "other").string()}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "data.shards"));
}

TEST_F(Train, GoesOnFromTheOlderCheckpointWhenTheNewestIsDamaged) {
  run(into("undisturbed"));
  run(into("hit"));
  test::damage(folder_ / "hit/step-000000006/model.safetensors");

  EXPECT_EQ(run(into("hit")), TrainOutcome::finished);

  EXPECT_EQ(bits("undisturbed"), bits("hit"));
  EXPECT_TRUE(fs::exists(folder_ / "hit/damaged-step-000000006"));
}

TEST_F(Train, KeepsItsOwnCheckpointsWhereAllLaterOnesAreDamaged) {
  run(into("hit", {"--train.steps", "8", "--checkpoint.every", "4"}));
  for (const char* step : {"step-000000004", "step-000000008"}) test::damage(folder_ / "hit" / step / "state.json");

  run(into("hit", {"--train.steps", "3", "--checkpoint.every", "1", "--checkpoint.keep", "2"}));

  EXPECT_EQ(open_checkpoint(folder_ / "hit").state.step, 3U);
  EXPECT_EQ(checkpoint_folders(folder_ / "hit").size(), 4U);  // two of its own, two damaged
}

TEST_F(Train, StopsOnAllRanksWithACheckpointWhenOneIsAskedTo) {
  TrainCallbacks callbacks;
  std::atomic<int> calls{0};
  callbacks.stop_requested = [&] { return ++calls == 3; };  // one rank, in its second step

  EXPECT_EQ(run(into("stopped"), 2, callbacks), TrainOutcome::stopped);
  EXPECT_EQ(open_checkpoint(folder_ / "stopped").state.step, 2U);
  run(into("stopped"));
  run(into("undisturbed"));

  EXPECT_EQ(bits("undisturbed"), bits("stopped"));
}

TEST_F(Train, ShowsPreviewsOfTheAveragedWeights) {
  std::vector<std::uint64_t> steps;
  bool training = true;
  TrainCallbacks callbacks;
  callbacks.preview = [&](flow::VelocityNetwork& network, const ModelDescription& model, std::uint64_t step) {
    steps.push_back(step);
    training = network.is_training();
    EXPECT_EQ(model.class_names.size(), 3U);
    using namespace std::string_literals;
    return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\0\0\0\0"s;
  };

  run({"--log.preview_every", "4"}, 2, callbacks);

  EXPECT_EQ(steps, (std::vector<std::uint64_t>{4, 6}));
  EXPECT_FALSE(training);
  EXPECT_TRUE(fs::exists(folder_ / "log/preview/step-000000004.png"));
}

TEST_F(Train, ShowsTheSamePreviewWhereTheAverageIsSharded) {
  std::vector<double> means;
  TrainCallbacks callbacks;
  callbacks.preview = [&means](flow::VelocityNetwork& network, const ModelDescription&, std::uint64_t) {
    double sum = 0;
    for (const at::Tensor& parameter : network.parameters()) sum += parameter.detach().abs().sum().item<double>();
    means.push_back(sum);
    return std::string("not really a PNG");
  };

  run(into("whole", {"--log.preview_every", "6", "--log.tensorboard", "false"}), 2, callbacks);
  run(into("sharded", {"--log.preview_every", "6", "--log.tensorboard", "false", "--parallel.shard_optimizer", "true"}),
      2, callbacks);

  ASSERT_EQ(means.size(), 2U);
  EXPECT_EQ(means[0], means[1]);
}

TEST_F(Train, DoesNotLetPreviewsOrLogsChangeTheRun) {
  TrainCallbacks callbacks;
  callbacks.preview = [](flow::VelocityNetwork& network, const ModelDescription&, std::uint64_t) {
    const at::NoGradGuard no_grad;
    network.forward(torch::randn({2, 1, 8, 8}), torch::rand({2}), {});
    using namespace std::string_literals;
    return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\0\0\0\0"s;
  };

  run(into("plain"));
  run(into("watched", {"--log.preview_every", "1", "--log.every", "1", "--checkpoint.every", "1"}), 1, callbacks);

  EXPECT_EQ(bits("plain"), bits("watched"));
}

TEST_F(Train, EndsOnAllRanksWithOneMessageWhenThePreviewFails) {
  TrainCallbacks callbacks;
  callbacks.preview = [](flow::VelocityNetwork&, const ModelDescription&, std::uint64_t) -> std::string {
    throw Error(ExitCode::numerical, "the picture is black");
  };

  const Error error = error_of([&] { run({"--log.preview_every", "1"}, 2, callbacks); });

  EXPECT_TRUE(contains(error.what(), "rank 0 of 2"));
  EXPECT_TRUE(contains(error.what(), "black"));
}

TEST_F(Train, EndsOnAllRanksWithOneMessageWhenOneReadsADamagedImage) {
  const fs::path shard = folder_ / "shards/shard-00000.h5";
  std::string bytes = test::file_text(shard);
  const std::vector<std::byte> image = test::tiny_image(5);
  const std::size_t at = bytes.find(std::string(reinterpret_cast<const char*>(image.data()), image.size()));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 10] = static_cast<char>(bytes[at + 10] ^ 1);
  test::write_text(shard, bytes);

  const Error error = error_of([&] { run({"--train.steps", "50"}, 2); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.what(), "shard-00000.h5"));
}

TEST_F(Train, SkipsANonFiniteStepOnAllRanksAlikeAndCountsNeitherStepNorAverage) {
  fs::remove_all(folder_ / "shards");
  test::write_shards_with_a_huge_image(folder_ / "shards", 16, 5);  // one bad image in every two batches of 8

  run(into("two", {"--train.steps", "4"}), 2);
  run(into("one", {"--train.steps", "4"}), 1);

  const CheckpointInfo last = open_checkpoint(folder_ / "two");
  EXPECT_EQ(last.state.step, 4U);
  EXPECT_GE(last.state.position, 7 * 8U);  // four good batches among seven or eight
  EXPECT_EQ(last.state.ema_images, 4 * 8.0);
  EXPECT_EQ(bits("one", 4), bits("two", 4));
  for (const auto& [name, tensor] : load_weights(last, WeightSet::raw))
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
}

TEST_F(Train, ResumesBitEqualAcrossSkippedSteps) {
  fs::remove_all(folder_ / "shards");
  test::write_shards_with_a_huge_image(folder_ / "shards", 16, 5);

  run(into("undisturbed", {"--train.steps", "4", "--checkpoint.every", "1"}));
  for (const char* steps : {"1", "2", "3", "4"})
    run(into("resumed", {"--train.steps", steps, "--checkpoint.every", "0"}));

  EXPECT_EQ(bits("undisturbed", 4), bits("resumed", 4));
}

TEST_F(Train, GivesUpAfterSomeNonFiniteStepsNamingTheSample) {
  fs::remove_all(folder_ / "shards");
  test::write_shards_with_a_huge_image(folder_ / "shards", 8, 5);  // in every batch

  const Error error = error_of([&] { run({"--train.max_skipped", "3"}, 2); });

  EXPECT_EQ(error.code(), ExitCode::numerical);
  EXPECT_TRUE(contains(error.what(), "3 steps in a row"));
  EXPECT_TRUE(contains(error.what(), "rank "));
  EXPECT_TRUE(contains(error.what(), "sample(s) 5"));
}

TEST_F(Train, KeepsEarlierCheckpointsWhenItDiverges) {
  run({"--train.steps", "3"});

  const Error error = error_of([&] {
    run({"--train.steps", "40", "--optimizer.lr", "1e6", "--optimizer.clip", "0", "--checkpoint.every", "0"});
  });

  EXPECT_EQ(error.code(), ExitCode::numerical);
  EXPECT_EQ(open_checkpoint(folder_ / "run").state.step, 3U);
}

TEST_F(Train, TrainsInBf16WithFp32Weights) {
  run({"--train.precision", "bf16"});

  for (const auto& [name, tensor] : load_weights(open_checkpoint(folder_ / "run"), WeightSet::raw)) {
    EXPECT_EQ(tensor.scalar_type(), at::kFloat) << name;
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
}

TEST_F(Train, GoesOnFromImportedWeights) {
  run({"--train.steps", "3"});
  const CheckpointInfo trained = open_checkpoint(folder_ / "run");
  CheckpointContents imported;
  imported.model = trained.model;
  imported.model.data_hash = "";
  imported.config_ini =
      "[network]\nchannels = 32\nchannel_mult = 1,1\nattention =\nhead_channels = 32\n[data]\nshards = x\n";
  imported.weights = load_weights(trained, WeightSet::ema);
  imported.ema = imported.weights;
  write_checkpoint(folder_ / "tuned", imported);

  EXPECT_EQ(run(into("tuned", {"--train.steps", "1", "--optimizer.lr", "0", "--train.seed", "77"})),
            TrainOutcome::finished);

  const auto weights = load_weights(open_checkpoint(folder_ / "tuned"), WeightSet::raw);
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_TRUE(weights[i].second.equal(imported.weights[i].second)) << weights[i].first;
}

TEST_F(Train, WritesTheSameCheckpointsWhileItGoesOnAsWhenItWaits) {
  run(into("background", {"--checkpoint.every", "1"}), 2);
  run(into("waiting", {"--checkpoint.every", "1", "--checkpoint.async", "false"}), 2);

  for (const std::uint64_t step : {1, 2, 3, 4, 5, 6}) EXPECT_EQ(bits("background", step), bits("waiting", step));
}

TEST_F(Train, EndsOnAllRanksSoonAfterACheckpointInTheBackgroundHasFailed) {
  TrainCallbacks callbacks;
  std::once_flag once;
  std::atomic<int> calls{0};
  callbacks.stop_requested = [&] {
    ++calls;
    // In the first step a file takes the place of the folder.
    std::call_once(once, [&] {
      fs::rename(folder_ / "run", folder_ / "moved");
      test::write_text(folder_ / "run", "");
    });
    return false;
  };

  const Error error = error_of([&] { run({"--train.steps", "100000", "--checkpoint.every", "20"}, 2, callbacks); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.what(), "rank 0 of 2"));
  EXPECT_LT(calls, 2 * 40);  // well before the next checkpoint
}

TEST_F(Train, FailsWhenTheLastCheckpointCannotBeWritten) {
  TrainCallbacks callbacks;
  callbacks.stop_requested = [&] {
    fs::rename(folder_ / "run", folder_ / "moved");
    test::write_text(folder_ / "run", "");
    return true;
  };

  const Error error = error_of([&] { run({"--train.steps", "100"}, 1, callbacks); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
}

TEST_F(Train, RecordsHowLongItStoodStillForCheckpoints) {
  run({"--checkpoint.every", "1", "--log.every", "3"});

  const std::string metrics = test::file_text(folder_ / "log/metrics.jsonl");
  const auto last = nlohmann::json::parse(metrics.substr(metrics.rfind('\n', metrics.size() - 2) + 1));
  EXPECT_GT(last["checkpoint_stall"].get<double>(), 0.0);
  EXPECT_LT(last["checkpoint_stall"].get<double>(), 1.0);
}

TEST_F(Train, TracesEachRankIntoAFileOfItsOwn) {
  run({"--log.trace", (folder_ / "trace").string()}, 2);

  for (const int rank : {0, 1}) {
    const auto trace =
        nlohmann::json::parse(test::file_text(folder_ / "trace" / fmt::format("trace-rank{}.json", rank)));
    std::map<std::string, int> spans;
    std::set<std::string> threads;
    for (const auto& event : trace["traceEvents"]) {
      if (event["ph"] == "X") ++spans[event["name"]];
      if (event["name"] == "thread_name") threads.insert(event["args"]["name"]);
      EXPECT_EQ(event["pid"], rank);
    }
    EXPECT_EQ(spans["step"], 6);
    EXPECT_EQ(spans["data wait"], 12);  // two micro-batches per rank and step
    EXPECT_EQ(spans["forward + backward"], 12);
    EXPECT_EQ(spans["reduction"], 6);
    EXPECT_EQ(spans["agreement"], 6);
    EXPECT_GE(spans["bucket"], 6);
    EXPECT_EQ(spans["optimizer"], 6);
    EXPECT_EQ(spans["checkpoint write"], rank == 0 ? 2 : 0);
    EXPECT_TRUE(threads.contains("training"));
    EXPECT_TRUE(threads.contains("gradients"));
    EXPECT_EQ(threads.contains("checkpoint"), rank == 0);
  }
}

TEST_F(Train, LeavesATraceWhenItEndsWithAnError) {
  fs::remove_all(folder_ / "shards");
  test::write_shards_with_a_huge_image(folder_ / "shards", 8, 5);  // in every batch

  error_of([&] { run({"--train.max_skipped", "3", "--log.trace", (folder_ / "trace").string()}); });

  EXPECT_TRUE(contains(test::file_text(folder_ / "trace/trace-rank0.json"), "forward + backward"));
}

TEST(MakeTrainingBatch, GivesASampleTheSameDrawsInAnyBatch) {
  const TemporaryFolder folder;
  test::write_tiny_shards(folder / "shards");
  const auto shards = data::ShardSet::open(folder / "shards");
  data::ReaderOptions two_at_a_time, eight;
  two_at_a_time.plan = {8, 2, 0, 1};
  eight.plan = {8, 8, 0, 1};
  data::Reader small(shards, two_at_a_time), large(shards, eight);
  BatchSettings settings{11, flow::TimeLaw::uniform(), 0.5, true, 3, 2};

  const TrainingBatch whole = make_training_batch(large.next(), shards.info(), settings);

  for (std::int64_t i = 0; i < 8; i += 2) {
    const TrainingBatch part = make_training_batch(small.next(), shards.info(), settings);
    EXPECT_TRUE(part.images.equal(whole.images.slice(0, i, i + 2)));
    EXPECT_TRUE(part.noise.equal(whole.noise.slice(0, i, i + 2)));
    EXPECT_TRUE(part.times.equal(whole.times.slice(0, i, i + 2)));
    EXPECT_TRUE(part.labels.equal(whole.labels.slice(0, i, i + 2)));
  }
}

TEST(MakeTrainingBatch, ScalesBytesMovesChannelsFirstAndMirrorsOnlyWhereDrawn) {
  data::DatasetInfo info;
  info.shape = SampleShape::picture(2, 1, 3);
  info.dtype = "uint8";
  info.mean = {127.5, 0.0};
  info.scale = {127.5, 2.0};
  data::Batch batch;
  constexpr int kCount = 400;
  batch.values.resize(kCount * 6);
  for (int i = 0; i < kCount; ++i) {
    batch.samples.push_back({static_cast<std::uint64_t>(i), 0, static_cast<std::uint64_t>(i)});
    const int values[] = {0, 2, 51, 4, 255, 6};  // [H, W, C]
    for (int k = 0; k < 6; ++k) batch.values[static_cast<std::size_t>(6 * i + k)] = static_cast<std::byte>(values[k]);
  }

  const at::Tensor plain = make_training_batch(batch, info, {0, flow::TimeLaw::uniform(), 0, false, 0}).images;
  const at::Tensor flipped = make_training_batch(batch, info, {0, flow::TimeLaw::uniform(), 0, true, 0}).images;

  const at::Tensor straight = torch::tensor({-1.0F, -0.6F, 1.0F, 1.0F, 2.0F, 3.0F}).reshape({2, 1, 3});
  int mirrored = 0;
  for (int i = 0; i < kCount; ++i) {
    EXPECT_TRUE(at::allclose(plain[i], straight));
    const bool mirror = !flipped[i].equal(plain[i]);
    if (mirror) {
      EXPECT_TRUE(flipped[i].equal(plain[i].flip({2})));
    }
    mirrored += mirror ? 1 : 0;
  }
  EXPECT_NEAR(mirrored, kCount / 2, 50);  // five standard deviations
}

TEST(MakeTrainingBatch, LeavesVectorsAndSequencesAsTheyLie) {
  for (const SampleShape& shape : {SampleShape::vector(6), SampleShape::sequence(2, 3)}) {
    data::DatasetInfo info;
    info.shape = shape;
    info.dtype = "float32";
    info.mean.assign(static_cast<std::size_t>(shape.channels()), 1.0);
    info.scale.assign(static_cast<std::size_t>(shape.channels()), 2.0);
    const at::Tensor stored = torch::arange(3 * 6, torch::kFloat).reshape(shape.batch_sizes(3));
    data::Batch batch;
    batch.values.resize(3 * 6 * sizeof(float));
    std::memcpy(batch.values.data(), stored.data_ptr(), batch.values.size());
    for (std::uint64_t i = 0; i < 3; ++i) batch.samples.push_back({i, 0, i});

    const TrainingBatch made = make_training_batch(batch, info, {0, flow::TimeLaw::uniform(), 0, true, 0, 1});

    EXPECT_TRUE(made.images.equal((stored - 1) / 2)) << shape.describe();
    EXPECT_EQ(made.noise.sizes(), stored.sizes());
  }
}

// The slow, obvious way: LibTorch pads the mirrored image by reflection, and the cut is a slice.
TEST(MakeTrainingBatch, CutsPaddedImagesWhereDrawn) {
  data::DatasetInfo info;
  info.shape = SampleShape::picture(2, 4, 5);
  info.dtype = "float32";
  info.mean = {1.0, -2.0};
  info.scale = {3.0, 0.5};
  constexpr std::int64_t kCount = 300, kPadding = 2;
  data::Batch batch;
  batch.values.resize(kCount * 40 * sizeof(float));
  const at::Tensor stored = torch::arange(kCount * 40, torch::kFloat).reshape({kCount, 4, 5, 2}).contiguous();
  std::memcpy(batch.values.data(), stored.data_ptr(), batch.values.size());
  for (std::uint64_t i = 0; i < kCount; ++i) batch.samples.push_back({i, 3, 7 * i});
  const at::Tensor straight =
      make_training_batch(batch, info, {5, flow::TimeLaw::uniform(), 0, true, 0, 0}).images;  // mirrored, not cut

  const at::Tensor cut = make_training_batch(batch, info, {5, flow::TimeLaw::uniform(), 0, true, 0, kPadding}).images;

  const at::Tensor padded = at::reflection_pad2d(straight, {kPadding, kPadding, kPadding, kPadding});
  std::set<std::pair<std::int64_t, std::int64_t>> places;
  for (std::int64_t i = 0; i < kCount; ++i) {
    RandomStream draws(5, Purpose::crop, 3, static_cast<std::uint64_t>(7 * i));
    const auto top = static_cast<std::int64_t>(draws.bits32() * 5ULL >> 32);
    const auto left = static_cast<std::int64_t>(draws.bits32() * 5ULL >> 32);
    EXPECT_TRUE(cut[i].equal(padded[i].slice(1, top, top + 4).slice(2, left, left + 5))) << i;
    places.insert({top, left});
  }
  EXPECT_EQ(places.size(), 25u);  // every place occurs
}

TEST(MakeTrainingBatch, DropsLabelsPerSampleAtTheRateAsked) {
  data::DatasetInfo info;
  info.shape = SampleShape::picture(1, 1, 1);
  info.dtype = "uint8";
  info.mean = info.scale = {127.5};
  data::Batch batch;
  constexpr int kCount = 2000;
  std::vector<std::int64_t> labels;
  for (int i = 0; i < kCount; ++i) {
    batch.samples.push_back({static_cast<std::uint64_t>(i), 0, static_cast<std::uint64_t>(i)});
    labels.push_back(i % 3);
  }
  batch.conditions.resize(1);
  batch.conditions[0].resize(labels.size() * sizeof labels[0]);
  std::memcpy(batch.conditions[0].data(), labels.data(), batch.conditions[0].size());
  batch.values.resize(kCount);
  std::fill(batch.values.begin(), batch.values.end(), std::byte{7});

  const at::Tensor drawn = make_training_batch(batch, info, {0, flow::TimeLaw::uniform(), 0.25, false, 3}).labels;

  int dropped = 0;
  for (int i = 0; i < kCount; ++i) {
    const auto label = drawn[i].item<std::int64_t>();
    EXPECT_TRUE(label == 3 || label == i % 3);
    dropped += label == 3 ? 1 : 0;
  }
  EXPECT_NEAR(dropped, kCount / 4, 97);  // five standard deviations
}

}  // namespace
}  // namespace pathline
