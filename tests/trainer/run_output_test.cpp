#include "trainer/run_output.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

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

class RunOutputTest : public test::TrainFixture {};

TEST_F(RunOutputTest, ShowsPreviewsOfTheAveragedWeights) {
  std::vector<std::uint64_t> steps;
  bool training = true;
  TrainCallbacks callbacks;
  callbacks.preview = [&](flow::VelocityNetwork& network, const ModelDescription& model, std::uint64_t step) {
    steps.push_back(step);
    training = network.is_training();
    EXPECT_EQ(model.class_names.size(), 3U);
    return test::pretended_png();
  };

  run({"--log.preview_every", "4"}, 2, callbacks);

  EXPECT_EQ(steps, (std::vector<std::uint64_t>{4, 6}));
  EXPECT_FALSE(training);
  EXPECT_TRUE(fs::exists(folder_ / "log/preview/step-000000004.png"));
}

TEST_F(RunOutputTest, ShowsTheSamePreviewWhereTheAverageIsSharded) {
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

TEST_F(RunOutputTest, DoesNotLetPreviewsOrLogsChangeTheRun) {
  TrainCallbacks callbacks;
  callbacks.preview = [](flow::VelocityNetwork& network, const ModelDescription&, std::uint64_t) {
    const at::NoGradGuard no_grad;
    network.forward(torch::randn({2, 1, 8, 8}), torch::rand({2}), {});
    return test::pretended_png();
  };

  run(into("plain"));
  run(into("watched", {"--log.preview_every", "1", "--log.every", "1", "--checkpoint.every", "1"}), 1, callbacks);

  EXPECT_EQ(bits("plain"), bits("watched"));
}

TEST_F(RunOutputTest, EndsOnAllRanksWithOneMessageWhenThePreviewFails) {
  TrainCallbacks callbacks;
  callbacks.preview = [](flow::VelocityNetwork&, const ModelDescription&, std::uint64_t) -> std::string {
    throw Error(ExitCode::numerical, "the picture is black");
  };

  const Error error = error_of([&] { run({"--log.preview_every", "1"}, 2, callbacks); });

  EXPECT_TRUE(contains(error.what(), "rank 0 of 2"));
  EXPECT_TRUE(contains(error.what(), "black"));
}

TEST_F(RunOutputTest, WritesTheSameCheckpointsWhileItGoesOnAsWhenItWaits) {
  run(into("background", {"--checkpoint.every", "1"}), 2);
  run(into("waiting", {"--checkpoint.every", "1", "--checkpoint.async", "false"}), 2);

  for (const std::uint64_t step : {1, 2, 3, 4, 5, 6}) EXPECT_EQ(bits("background", step), bits("waiting", step));
}

TEST_F(RunOutputTest, EndsOnAllRanksSoonAfterACheckpointInTheBackgroundHasFailed) {
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

TEST_F(RunOutputTest, FailsWhenTheLastCheckpointCannotBeWritten) {
  TrainCallbacks callbacks;
  callbacks.stop_requested = [&] {
    fs::rename(folder_ / "run", folder_ / "moved");
    test::write_text(folder_ / "run", "");
    return true;
  };

  const Error error = error_of([&] { run({"--train.steps", "100"}, 1, callbacks); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
}

TEST_F(RunOutputTest, RecordsHowLongItStoodStillForCheckpoints) {
  run({"--checkpoint.every", "1", "--log.every", "3"});

  const std::string metrics = test::file_text(folder_ / "log/metrics.jsonl");
  const auto last = nlohmann::json::parse(metrics.substr(metrics.rfind('\n', metrics.size() - 2) + 1));
  EXPECT_GT(last["checkpoint_stall"].get<double>(), 0.0);
  EXPECT_LT(last["checkpoint_stall"].get<double>(), 1.0);
}

TEST_F(RunOutputTest, TracesEachRankIntoAFileOfItsOwn) {
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

TEST_F(RunOutputTest, LeavesATraceWhenItEndsWithAnError) {
  fs::remove_all(folder_ / "shards");
  test::write_shards_with_a_huge_image(folder_ / "shards", 8, 5);  // in every batch

  error_of([&] { run({"--train.max_skipped", "3", "--log.trace", (folder_ / "trace").string()}); });

  EXPECT_TRUE(contains(test::file_text(folder_ / "trace/trace-rank0.json"), "forward + backward"));
}

}  // namespace
}  // namespace pathline
