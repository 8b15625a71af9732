#include "trainer/log/run_facts.h"

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

using test::contains;
using test::run_ranks;
using test::TemporaryFolder;
using test::tiny_config;

std::string text_of(const Facts& facts, const std::string& name) {
  for (const auto& [fact, text] : facts) {
    if (fact == name) return text;
  }
  return "no fact " + name;
}

/// A run on 40 tiny images, with `options` on top.
Facts facts_of(const std::vector<std::string>& options = {}, const TrainState& state = {}) {
  const TemporaryFolder folder;
  test::write_tiny_shards(folder / "shards");
  const Config config = tiny_config(folder.path(), options);
  RunConfig run = resolve_run_config(config, 1, 1, 1);
  const auto shards = data::ShardSet::open(run.data.shards);
  fit_to_data(run, config, shards.info());
  return collect_facts(run, shards, 1234567, state, *parallel::make_self_communicator(), "cpu");
}

TEST(RunFacts, GiveBatchesAndLengthInAllUnits) {
  const Facts facts = facts_of();

  EXPECT_EQ(text_of(facts, "batch"), "global 8 images = 4 micro-batches of 2, over 1 ranks");
  EXPECT_EQ(text_of(facts, "length"), "6 steps = 48 images = 1.20 epochs");
  EXPECT_TRUE(contains(text_of(facts, "network"), "1,234,567 parameters, unconditional"));
}

TEST(RunFacts, SayWhereTheRunBegins) {
  EXPECT_EQ(text_of(facts_of(), "start"), "from the beginning");
  EXPECT_EQ(text_of(facts_of({}, {1200, 9600, 0, 9600}), "start"), "step 1,200 = 9,600 images");
}

TEST(RunFacts, NameOptimizerRateAndClipping) {
  EXPECT_EQ(text_of(facts_of({"--optimizer.warmup", "3", "--optimizer.clip", "0"}), "optimizer"),
            "AdamW, betas 0.9 0.999, eps 1e-08, weight decay 0.01, lr 0.01 constant, warm-up 3 steps, clip off");
}

TEST(FactsTable, EndsWithEverySettingBySection) {
  const std::string table = facts_table({{"network", "tiny"}}, tiny_config("/somewhere"));

  EXPECT_TRUE(contains(table, "  network       tiny\n"));
  for (const ConfigKey& key : train_schema().keys()) {
    EXPECT_TRUE(contains(table, " " + key.name.substr(key.name.find('.') + 1) + "=")) << key.name;
  }
}

TEST(HostCores, AreTheSameForAllRanksOfAHost) {
  std::vector<int> cores(2);

  run_ranks(2, [&](parallel::Communicator& communicator) {
    cores[static_cast<std::size_t>(communicator.rank())] = host_cores(communicator);
  });

  EXPECT_GE(cores[0], 1);
  EXPECT_EQ(cores[0], cores[1]);
}

TEST(WarnOfBinding, NamesRanksWithFewerCoresThanThreads) {
  RunConfig run;
  run.train.threads = 100'000;
  testing::internal::CaptureStderr();

  run_ranks(2, [&](parallel::Communicator& communicator) { warn_of_binding(run, communicator); });

  const std::string warning = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(contains(warning, "rank(s) 0, 1 may run on ")) << warning;
  EXPECT_TRUE(contains(warning, "compute with 100000 threads")) << warning;
}

}  // namespace
}  // namespace pathline
