#include "trainer/log/metrics.h"

#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

std::vector<nlohmann::json> records(const fs::path& file) {
  std::vector<nlohmann::json> all;
  std::istringstream lines(test::file_text(file));
  for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

MetricsRecord record_at(std::uint64_t step) {
  MetricsRecord record;
  record.step = step;
  record.loss = 0.25 * static_cast<double>(step);
  return record;
}

TEST(Metrics, AreOneJsonObjectPerLineAfterTheRecordOfTheStart) {
  const TemporaryFolder folder;

  MetricsFile file(folder.path(), 0);
  file.add_run(0, {{"network", "tiny \"quoted\""}});
  file.add(record_at(50));

  const auto lines = records(folder / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["kind"], "run");
  EXPECT_EQ(lines[0]["network"], "tiny \"quoted\"");
  EXPECT_EQ(lines[1]["kind"], "train");
  EXPECT_EQ(lines[1]["step"], 50);
  EXPECT_EQ(lines[1]["loss"], 12.5);
}

TEST(Metrics, DropLaterStepsAndACutLineOnResume) {
  const TemporaryFolder folder;
  {
    MetricsFile file(folder.path(), 0);
    file.add_run(0, {});
    for (const std::uint64_t step : {10U, 20U, 30U}) file.add(record_at(step));
  }
  test::write_text(folder / "metrics.jsonl", test::file_text(folder / "metrics.jsonl") + "{\"kind\":\"train\",\"ste");

  MetricsFile file(folder.path(), 20);
  file.add_run(20, {});
  file.add(record_at(30));

  std::vector<int> steps;
  for (const auto& line : records(folder / "metrics.jsonl")) steps.push_back(line["step"].get<int>());
  EXPECT_EQ(steps, (std::vector<int>{0, 10, 20, 20, 30}));
}

TEST(Metrics, OfAnEarlierRunAreSetAsideByOneThatStartsAtTheBeginning) {
  const TemporaryFolder folder;
  for (int run = 0; run < 3; ++run) MetricsFile(folder.path(), 0).add_run(0, {{"run", std::to_string(run)}});

  EXPECT_EQ(records(folder / "metrics.jsonl")[0]["run"], "2");
  EXPECT_EQ(records(folder / "metrics.1.jsonl")[0]["run"], "0");
  EXPECT_EQ(records(folder / "metrics.2.jsonl")[0]["run"], "1");
}

}  // namespace
}  // namespace pathline
