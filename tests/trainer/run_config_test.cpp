#include "trainer/run_config.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/environment_variable.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::tiny_config;

RunConfig resolved(const std::vector<std::string>& options, int ranks = 1, int local_ranks = 1, int cores = 8) {
  return resolve_run_config(tiny_config("/somewhere", options), ranks, local_ranks, cores);
}

Error refusal(const std::vector<std::string>& options, int ranks = 1) {
  const Error error = error_of([&] { resolved(options, ranks); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  return error;
}

TEST(RunConfig, TakesEveryValueFromItsKey) {
  const RunConfig run = resolved({"--optimizer.beta2", "0.95", "--flow.time", "logit-normal", "--train.precision",
                                  "bf16", "--checkpoint.keep", "7", "--train.seed", "9"});

  EXPECT_TRUE(contains(run.optimizer->describe(), "betas 0.9 0.95"));
  EXPECT_EQ(run.flow.training->time->text(), "logit-normal:0,1");
  EXPECT_TRUE(run.bf16);
  EXPECT_EQ(run.keep, 7);
  EXPECT_EQ(run.seed, 9U);
  EXPECT_EQ(run.network.channel_mult, (std::vector<std::int64_t>{1, 1}));
  EXPECT_TRUE(run.network.attention.empty());
}

std::string times_of(const std::vector<std::string>& options) {
  return resolved(options).flow.training->time->text();
}

TEST(RunConfig, ReadsTheOlderKeysOfLogitNormalTimes) {
  EXPECT_EQ(times_of({"--flow.time", "logit-normal", "--flow.time_mean", "0.3", "--flow.time_std", "1.5"}),
            "logit-normal:0.3,1.5");
  EXPECT_EQ(times_of({"--flow.time", "logit-normal:0.3,1.5"}), "logit-normal:0.3,1.5");
  EXPECT_EQ(times_of({"--flow.time_mean", "0.3"}), "uniform");
}

TEST(RunConfig, RefusesTimesThatAreGivenTwice) {
  const Error error = refusal({"--flow.time", "logit-normal:0.3,1.5", "--flow.time_mean", "0.3"});

  EXPECT_EQ(error.place(), "--flow.time");
  EXPECT_TRUE(contains(error.message(), "flow.time_mean"));
}

TEST(RunConfig, RefusesAnUnknownMethodAtItsKeyWithTheNearest) {
  for (const char* key : {"flow.path", "flow.prediction", "flow.time", "flow.coupling", "flow.objective"}) {
    const std::string known = train_schema().find(key)->default_value;

    const Error error = refusal({std::string("--") + key, known + "x"});

    EXPECT_EQ(error.place(), std::string("--") + key);
    EXPECT_TRUE(contains(error.message(), "unknown")) << key;
    EXPECT_TRUE(contains(error.hint(), "did you mean " + known + "?")) << key;
  }
}

TEST(RunConfig, NamesTheLineOfAnUnknownMethod) {
  const Config config = Config::parse_text(train_schema(), "[flow]\n\npath = lienar\n", "run.ini");

  EXPECT_EQ(error_of([&] { (void)flow_spec(config); }).place(), "run.ini:3: flow.path");
}

TEST(RunConfig, DescribesEveryMethodInTheDocOfItsKey) {
  EXPECT_TRUE(contains(train_schema().find("flow.time")->doc, flow::method_docs(flow::time_distributions())));
  EXPECT_TRUE(contains(train_schema().find("flow.path")->doc, flow::method_docs(flow::path_table())));
}

TEST(RunConfig, RoundsALengthInImagesUpToWholeSteps) {
  EXPECT_EQ(resolved({"--train.steps", "0", "--train.images", "17"}).steps, 3U);
}

TEST(RunConfig, WantsExactlyOneLength) {
  EXPECT_TRUE(contains(refusal({"--train.images", "100"}).what(), "train.images"));
  EXPECT_TRUE(contains(refusal({"--train.steps", "0"}).what(), "train.steps"));
}

TEST(RunConfig, SharesTheGlobalBatchOutWhenNoMicroBatchIsGiven) {
  EXPECT_EQ(resolved({"--train.micro_batch", "0", "--parallel.reduction", "fast"}, 4).micro_batch, 2U);
}

TEST(RunConfig, RefusesAGlobalBatchThatRanksCannotShare) {
  const Error error = refusal({"--train.micro_batch", "0", "--parallel.reduction", "fast"}, 3);

  EXPECT_TRUE(contains(error.what(), "train.global_batch"));
  EXPECT_TRUE(contains(error.hint(), "6 or 9"));
}

TEST(RunConfig, RefusesAMicroBatchThatDoesNotDivide) {
  const Error error = refusal({"--train.micro_batch", "3"});

  EXPECT_TRUE(contains(error.what(), "train.micro_batch"));
  EXPECT_TRUE(contains(error.hint(), "2"));
}

TEST(RunConfig, RefusesMoreRanksThanMicroBatches) {
  EXPECT_TRUE(contains(refusal({"--train.micro_batch", "4"}, 3).what(), "too few for 3 ranks"));
  EXPECT_TRUE(contains(refusal({"--train.micro_batch", "1"}, 9).hint(), "fewer ranks"));
}

TEST(RunConfig, WantsAMicroBatchThatDoesNotFollowTheRanksForReproducibleSums) {
  EXPECT_TRUE(contains(refusal({"--train.micro_batch", "0"}).what(), "reproducible"));
}

TEST(RunConfig, SharesTheCoresOfAHostAmongItsRanksUnlessBitsMustNotFollowThem) {
  test::EnvironmentVariable omp("OMP_NUM_THREADS");
  const std::vector<std::string> fast = {"--train.threads", "0", "--parallel.reduction", "fast"};

  EXPECT_EQ(resolved(fast, 2, 2, 8).threads, 4);
  EXPECT_EQ(resolved(fast, 4, 4, 2).threads, 1);
  EXPECT_EQ(resolved({"--train.threads", "0"}, 2, 2, 8).threads, 1);
  EXPECT_EQ(resolved({"--train.threads", "3"}, 2, 2, 8).threads, 3);

  omp.set("2");
  EXPECT_EQ(resolved(fast, 2, 2, 8).threads, 2);
  EXPECT_EQ(resolved({"--train.threads", "3"}, 2, 2, 8).threads, 3);  // who gives a number means it
}

TEST(RunConfig, DropsLabelsOnlyWhereThereAreAny) {
  EXPECT_TRUE(contains(refusal({"--flow.label_drop", "0.1"}).what(), "flow.label_drop"));
  EXPECT_TRUE(resolved({"--flow.label_drop", "0.1", "--network.classes", "3"}).network.null_class);
  EXPECT_FALSE(resolved({"--network.classes", "3"}).network.null_class);
}

TEST(RunConfig, WantsItsFolders) {
  for (const char* key : {"data.shards", "checkpoint.dir", "log.dir"}) {
    EXPECT_TRUE(contains(refusal({std::string("--") + key + "="}).what(), key));
  }
}

TEST(RunConfig, FitsTheNetworkToTheData) {
  const Config config = tiny_config("/somewhere", {"--network.classes", "3"});
  RunConfig run = resolve_run_config(config, 1, 1, 1);
  data::DatasetInfo data;
  data.shape = SampleShape::picture(3, 32, 16);
  data.class_names = {"a", "b", "c"};

  fit_to_data(run, config, data);

  EXPECT_EQ(run.network.image_channels, 3);
  EXPECT_EQ(run.network.image_height, 32);
  EXPECT_EQ(run.network.image_width, 16);
  data.class_names.push_back("d");
  const Error error = error_of([&] { fit_to_data(run, config, data); });
  EXPECT_TRUE(contains(error.what(), "network.classes"));
  EXPECT_TRUE(contains(error.hint(), "4"));
}

TEST(RunConfig, SaysThatNoNetworkWorksOnVectorsYet) {
  const Config config = tiny_config("/somewhere");
  RunConfig run = resolve_run_config(config, 1, 1, 1);
  data::DatasetInfo data;
  data.shape = SampleShape::vector(2);

  const Error error = error_of([&] { fit_to_data(run, config, data); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "vector [2]")) << error.what();
}

TEST(RunConfig, ReadsBackWhatPrintConfigPrints) {
  const Config config = tiny_config("/somewhere", {"--optimizer.lr", "0.00123"});

  const Config again = Config::parse_text(train_schema(), config.to_ini(true), "printed.ini");

  EXPECT_EQ(resolve_run_config(again, 1, 1, 1).learning_rate.peak, 0.00123);
  EXPECT_EQ(again.to_ini(), config.to_ini());
}

TEST(CompareSettings, TellsWhatBreaksARunFromWhatSteersIt) {
  const Config before = tiny_config("/somewhere");

  const auto changed = [&](const std::vector<std::string>& options) {
    return compare_settings(before, tiny_config("/somewhere", options));
  };

  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{{"--train.seed", "1"},
                                                                                       {"--train.global_batch", "16"},
                                                                                       {"--network.dropout", "0.1"},
                                                                                       {"--flow.time", "logit-normal"},
                                                                                       {"--train.precision", "bf16"},
                                                                                       {"--train.micro_batch", "4"},
                                                                                       {"--train.threads", "2"},
                                                                                       {"--train.flip", "true"}}) {
    ASSERT_EQ(changed(options).breaking.size(), 1U) << options[0];
    EXPECT_EQ("--" + changed(options).breaking[0].key, options[0]);
  }
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"--optimizer.lr", "1"}, {"--train.ema_halflife", "7"}, {"--optimizer.clip", "3"}}) {
    EXPECT_TRUE(changed(options).breaking.empty()) << options[0];
    EXPECT_EQ(changed(options).steering.size(), 1U) << options[0];
  }
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{{"--train.steps", "100"},
                                                                                       {"--log.every", "7"},
                                                                                       {"--checkpoint.every", "1"},
                                                                                       {"--data.threads", "4"},
                                                                                       {"--optimizer.lr", "0.010"}}) {
    EXPECT_TRUE(changed(options).breaking.empty()) << options[0];
    EXPECT_TRUE(changed(options).steering.empty()) << options[0];
  }
}

TEST(CompareSettings, TakesTheOlderKeysOfTimesForWhatTheySay) {
  const Config older = tiny_config("/somewhere", {"--flow.time", "logit-normal", "--flow.time_mean", "0.3"});
  const Config newer = tiny_config("/somewhere", {"--flow.time", "logit-normal:0.3,1.0"});
  const Config other = tiny_config("/somewhere", {"--flow.time", "logit-normal", "--flow.time_mean", "0.4"});

  EXPECT_TRUE(compare_settings(older, newer).breaking.empty());
  ASSERT_EQ(compare_settings(older, other).breaking.size(), 1U);
  EXPECT_EQ(compare_settings(older, other).breaking[0].before, "logit-normal:0.3,1");
  EXPECT_EQ(compare_settings(older, other).breaking[0].now, "logit-normal:0.4,1");
}

TEST(CompareSettings, CountsANewEndAmongTheSteeringOnesWhereTheRateFollowsIt) {
  const Config before = tiny_config("/somewhere", {"--optimizer.schedule", "cosine"});
  const Config now = tiny_config("/somewhere", {"--optimizer.schedule", "cosine", "--train.steps", "100"});

  EXPECT_EQ(compare_settings(before, now).steering.size(), 1U);
}

}  // namespace
}  // namespace pathline
