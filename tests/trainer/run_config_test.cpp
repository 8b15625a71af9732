#include "trainer/run_config.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/config_changes.h"
#include "core/error.h"
#include "flow/networks/unet/unet_settings.h"
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

  EXPECT_TRUE(contains(run.optimizer.rule->describe(), "betas 0.9 0.95"));
  EXPECT_EQ(run.flow.training->time->text(), "logit-normal:0,1");
  EXPECT_TRUE(run.train.bf16);
  EXPECT_EQ(run.checkpoint.keep, 7);
  EXPECT_EQ(run.train.seed, 9U);
  EXPECT_EQ(run.parallel.reduction, "reproducible");
  EXPECT_EQ(run.log.every, 2U);
  EXPECT_EQ(run.data.threads, 1);
  const auto& network = dynamic_cast<const flow::UNetSettings&>(*run.network.options);
  EXPECT_EQ(network.channel_mult, (std::vector<std::int64_t>{1, 1}));
  EXPECT_TRUE(network.attention.empty());
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
  const Error error = error_of([] { Config::parse_text(train_schema(), "[flow]\n\npath = lienar\n", "run.ini"); });

  EXPECT_EQ(error.place(), "run.ini:3: flow.path");
}

TEST(RunConfig, DescribesEveryMethodInTheDocOfItsKey) {
  EXPECT_TRUE(contains(train_schema().find("flow.time")->doc, flow::method_docs(flow::time_distributions())));
  EXPECT_TRUE(contains(train_schema().find("flow.path")->doc, flow::method_docs(flow::path_table())));
}

TEST(RunConfig, DropsLabelsOnlyWhereThereAreAny) {
  EXPECT_TRUE(contains(refusal({"--flow.label_drop", "0.1"}).what(), "flow.label_drop"));
  EXPECT_TRUE(resolved({"--flow.label_drop", "0.1", "--network.classes", "3"}).network.null_class());
  EXPECT_FALSE(resolved({"--network.classes", "3"}).network.null_class());
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

  EXPECT_EQ(run.network.shape, SampleShape::picture(3, 32, 16));
  data.class_names.push_back("d");
  const Error error = error_of([&] { fit_to_data(run, config, data); });
  EXPECT_TRUE(contains(error.what(), "network.classes"));
  EXPECT_TRUE(contains(error.hint(), "4"));
}

TEST(RunConfig, ConditionsTheNetworkOnTheLabelOfTheDataAlone) {
  const Config config = tiny_config("/somewhere", {"--network.classes", "3", "--flow.label_drop", "0.1"});
  RunConfig run = resolve_run_config(config, 1, 1, 1);
  data::DatasetInfo data;
  data.shape = SampleShape::picture(1, 8, 8);
  data.class_names = {"a", "b", "c"};
  data::ConditionArray& pose = data.conditions.emplace_back();
  pose.field.name = "pose";
  pose.field.kind = ConditionField::Kind::vector;
  pose.field.sizes = {4};

  fit_to_data(run, config, data);

  EXPECT_EQ(run.network.condition, flow::label_condition(3, true));
}

TEST(RunConfig, RefusesDataThatTheNetworkCannotDoAtItsKey) {
  const Config config = tiny_config("/somewhere", {"--network.kind", "unet"});
  RunConfig run = resolve_run_config(config, 1, 1, 1);
  data::DatasetInfo data;
  data.shape = SampleShape::vector(2);

  const Error error = error_of([&] { fit_to_data(run, config, data); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "--network.kind");
  EXPECT_TRUE(contains(error.message(), "vector [2]"));
}

TEST(RunConfig, MirrorsAndCutsPicturesOnly) {
  data::DatasetInfo vectors, pictures;
  vectors.shape = SampleShape::vector(2);
  pictures.shape = SampleShape::picture(1, 8, 8);
  const auto place = [](const std::vector<std::string>& options, const data::DatasetInfo& data) {
    const Config config = tiny_config("/somewhere", options);
    RunConfig run = resolve_run_config(config, 1, 1, 1);
    return error_of([&] { fit_to_data(run, config, data); }).place();
  };

  EXPECT_EQ(place({"--train.flip", "true"}, vectors), "--train.flip");
  EXPECT_EQ(place({"--train.crop_padding", "1"}, vectors), "--train.crop_padding");
  EXPECT_EQ(place({"--train.crop_padding", "8"}, pictures), "--train.crop_padding");
}

TEST(RunConfig, ChecksTheNetworkAgainstTheSizeOfPictures) {
  const Config config = tiny_config("/somewhere", {"--network.attention", "5"});
  RunConfig run = resolve_run_config(config, 1, 1, 1);
  data::DatasetInfo data;
  data.shape = SampleShape::picture(1, 8, 8);

  const Error error = error_of([&] { fit_to_data(run, config, data); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "--network.attention");
}

TEST(RunConfig, RefusesAKindOfNetworkThatThereIsNot) {
  const Error error = error_of([] { tiny_config("/somewhere", {"--network.kind", "unett"}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "--network.kind");
  EXPECT_EQ(error.hint(), "did you mean unet?");
}

TEST(RunConfig, ReadsBackWhatPrintConfigPrints) {
  const Config config = tiny_config("/somewhere", {"--optimizer.lr", "0.00123"});

  const Config again = Config::parse_text(train_schema(), config.to_ini(true), "printed.ini");

  EXPECT_EQ(resolve_run_config(again, 1, 1, 1).optimizer.learning_rate.peak, 0.00123);
  EXPECT_EQ(again.to_ini(), config.to_ini());
}

TEST(TrainSchema, TellsWhatBreaksARunFromWhatSteersIt) {
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

TEST(TrainSchema, TakesTheOlderKeysOfTimesForWhatTheySay) {
  const Config older = tiny_config("/somewhere", {"--flow.time", "logit-normal", "--flow.time_mean", "0.3"});
  const Config newer = tiny_config("/somewhere", {"--flow.time", "logit-normal:0.3,1.0"});
  const Config other = tiny_config("/somewhere", {"--flow.time", "logit-normal", "--flow.time_mean", "0.4"});

  EXPECT_TRUE(compare_settings(older, newer).breaking.empty());
  ASSERT_EQ(compare_settings(older, other).breaking.size(), 1U);
  EXPECT_EQ(compare_settings(older, other).breaking[0].before, "logit-normal:0.3,1");
  EXPECT_EQ(compare_settings(older, other).breaking[0].now, "logit-normal:0.4,1");
}

TEST(TrainSchema, CountsANewEndAmongTheSteeringOnesWhereTheRateFollowsIt) {
  const Config before = tiny_config("/somewhere", {"--optimizer.schedule", "cosine"});
  const Config now = tiny_config("/somewhere", {"--optimizer.schedule", "cosine", "--train.steps", "100"});

  EXPECT_EQ(compare_settings(before, now).steering.size(), 1U);
}

TEST(TrainSchema, LetsFastRunsGoOnWithOtherMicroBatchesAndThreads) {
  const std::vector<std::string> fast = {"--parallel.reduction", "fast"};
  const auto changes = compare_settings(
      tiny_config("/somewhere", fast),
      tiny_config("/somewhere", {"--parallel.reduction", "fast", "--train.micro_batch", "4", "--train.threads", "2"}));

  EXPECT_TRUE(changes.breaking.empty());
  ASSERT_EQ(changes.steering.size(), 1U);
  EXPECT_EQ(changes.steering[0].key, "train.micro_batch");
}

TEST(TrainSchema, RefusesToMakeAFastRunReproducibleButNotTheOtherWayRound) {
  const Config fast = tiny_config("/somewhere", {"--parallel.reduction", "fast"});
  const Config reproducible = tiny_config("/somewhere");

  EXPECT_EQ(compare_settings(fast, reproducible).breaking.size(), 1U);
  EXPECT_TRUE(compare_settings(reproducible, fast).breaking.empty());
  EXPECT_EQ(compare_settings(reproducible, fast).steering.size(), 1U);
}

/// An effect that depends on a key that is not there would throw when a run is resumed, and not before.
TEST(TrainSchema, HasEffectsThatDependOnChoicesThatThereAre) {
  for (const ConfigKey& key : train_schema().keys()) {
    if (key.on_resume.key.empty()) continue;
    const ConfigKey* other = train_schema().find(key.on_resume.key);
    ASSERT_NE(other, nullptr) << key.name;
    EXPECT_TRUE(other->owner.empty()) << key.name;
    EXPECT_NE(std::find(other->choices.begin(), other->choices.end(), key.on_resume.value), other->choices.end())
        << key.name;
  }
}

}  // namespace
}  // namespace pathline
