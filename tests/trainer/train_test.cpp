#include "trainer/train.h"

#include <atomic>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/train_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_of;

class Train : public test::TrainFixture {};

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

TEST_F(Train, DoesNothingWhenItHasFinished) {
  run();
  const std::string before = test::file_text(folder_ / "log/metrics.jsonl");

  EXPECT_EQ(run(), TrainOutcome::already_finished);

  EXPECT_EQ(test::file_text(folder_ / "log/metrics.jsonl"), before);
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

}  // namespace
}  // namespace pathline
