#include "trainer/log/run_log.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::TemporaryFolder;

RunConfig logging_to(const fs::path& folder, bool tensorboard) {
  RunConfig run;
  run.log.dir = folder;
  run.log.tensorboard = tensorboard;
  return run;
}

/// All that the TensorBoard event files of a folder hold; "" if there are none.
std::string events_in(const fs::path& folder) {
  std::string all;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (contains(entry.path().filename().string(), "tfevents")) all += test::file_text(entry.path());
  }
  return all;
}

TEST(RunLog, WritesARecordToMetricsAndTensorboard) {
  const TemporaryFolder folder;
  RunLog log(logging_to(folder.path(), true), 0, {{"network", "tiny"}});
  MetricsRecord record;
  record.step = 50;

  log.record(record);

  const std::string metrics = test::file_text(folder / "metrics.jsonl");
  EXPECT_TRUE(contains(metrics, R"("network":"tiny")"));
  EXPECT_TRUE(contains(metrics, R"("kind":"train","step":50)"));
  EXPECT_TRUE(contains(events_in(folder.path()), "train/learning_rate"));
}

TEST(RunLog, WritesPreviewsAsFilesNamedAfterTheirStep) {
  const TemporaryFolder folder;
  RunLog log(logging_to(folder.path(), false), 0, {});

  log.preview("a picture", 7);

  EXPECT_EQ(test::file_text(folder / "preview/step-000000007.png"), "a picture");
}

TEST(RunLog, LeavesTensorboardAloneWhenToldTo) {
  const TemporaryFolder folder;
  RunLog log(logging_to(folder.path(), false), 0, {});

  log.record({});

  EXPECT_EQ(events_in(folder.path()), "");
}

}  // namespace
}  // namespace pathline
