#include "trainer/checkpoint/checkpoint_writer.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::contents_at;
using test::error_of;
using test::TemporaryFolder;

/// Calls `write` in place of writing files.
CheckpointWriter::Write calling(std::function<void(const CheckpointContents&)> write) {
  return [write = std::move(write)](const CheckpointContents& contents) {
    write(contents);
    return fs::path("nowhere");
  };
}

CheckpointContents with_weights(const at::Tensor& weights) {
  CheckpointContents contents;
  contents.weights = {{"w", weights}};
  return contents;
}

TEST(CheckpointWriter, WritesTheSameBytesInTheBackgroundAsInTheForeground) {
  const TemporaryFolder folder;
  CheckpointContents contents = contents_at(7);
  contents.weights.emplace_back("channels_last", torch::randn({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast));
  contents.weights.emplace_back("scalar", torch::tensor(2.5));

  CheckpointWriter(folder / "foreground", 3, false, nullptr).save(contents);
  CheckpointWriter(folder / "background", 3, true, nullptr).save(contents);

  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder / "foreground/step-000000007")) {
    const fs::path twin = folder / "background/step-000000007" / entry.path().filename();
    EXPECT_EQ(test::file_text(entry.path()), test::file_text(twin)) << twin;
    ++files;
  }
  EXPECT_EQ(files, 6);
}

TEST(CheckpointWriter, WritesWhatWasThereWhenSavedWhateverChangesMeanwhile) {
  std::latch changed(1);
  at::Tensor written;
  const at::Tensor weights = torch::ones({1000});
  {
    CheckpointWriter writer(calling([&](const CheckpointContents& contents) {
                              changed.wait();
                              written = contents.weights[0].second.clone();
                            }),
                            true, nullptr);

    writer.save(with_weights(weights));
    weights.fill_(2);
    changed.count_down();
  }

  EXPECT_TRUE(written.equal(torch::ones({1000})));
}

TEST(CheckpointWriter, WaitsForTheOneBeforeRatherThanOverwriteItsCopy) {
  std::vector<float> written;
  const at::Tensor weights = torch::zeros({1});
  CheckpointWriter writer(calling([&](const CheckpointContents& contents) {
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                            written.push_back(contents.weights[0].second.item<float>());
                          }),
                          true, nullptr);

  for (const float value : {1.0F, 2.0F, 3.0F}) {
    weights.fill_(value);
    writer.save(with_weights(weights));
  }
  writer.finish();

  EXPECT_EQ(written, (std::vector<float>{1, 2, 3}));
}

TEST(CheckpointWriter, KeepsTheMemoryOfItsCopy) {
  std::vector<const void*> memory;
  CheckpointWriter writer(calling([&](const CheckpointContents& contents) {
                            memory.push_back(contents.weights[0].second.const_data_ptr());
                          }),
                          true, nullptr);
  const at::Tensor weights = torch::zeros({100});

  for (int i = 0; i < 3; ++i) writer.save(with_weights(weights));
  writer.finish();

  EXPECT_EQ(memory, std::vector<const void*>(3, memory.at(0)));
  EXPECT_NE(memory[0], weights.const_data_ptr());
}

TEST(CheckpointWriter, MakesRoomAnewForTensorsOfAnotherShape) {
  std::vector<std::int64_t> sizes;
  CheckpointWriter writer(
      calling([&](const CheckpointContents& contents) { sizes.push_back(contents.weights[0].second.numel()); }), true,
      nullptr);

  for (const std::int64_t size : {4, 9}) writer.save(with_weights(torch::zeros({size})));
  writer.finish();

  EXPECT_EQ(sizes, (std::vector<std::int64_t>{4, 9}));
}

TEST(CheckpointWriter, ThrowsAnErrorOfTheBackgroundOnceWhenAsked) {
  CheckpointWriter writer(
      calling([](const CheckpointContents&) { throw Error(ExitCode::file_system, "no space left"); }), true, nullptr);

  writer.save(with_weights(torch::zeros({1})));
  const Error error = error_of([&] { writer.finish(); });
  writer.check();

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(contains(error.what(), "no space left"));
  EXPECT_TRUE(writer.take_reports().empty());
}

TEST(CheckpointWriter, ThrowsAnErrorOfTheCheckpointBeforeWhenTheNextIsSaved) {
  int attempts = 0;
  CheckpointWriter writer(calling([&](const CheckpointContents&) {
                            ++attempts;
                            throw Error(ExitCode::file_system, "no space left");
                          }),
                          true, nullptr);
  writer.save(with_weights(torch::zeros({1})));

  EXPECT_EQ(error_of([&] { writer.save(with_weights(torch::zeros({1}))); }).code(), ExitCode::file_system);

  EXPECT_EQ(attempts, 1);
}

TEST(CheckpointWriter, ThrowsAtOnceInTheForeground) {
  CheckpointWriter writer(
      calling([](const CheckpointContents&) { throw Error(ExitCode::file_system, "no space left"); }), false, nullptr);

  EXPECT_EQ(error_of([&] { writer.save(with_weights(torch::zeros({1}))); }).code(), ExitCode::file_system);
}

TEST(CheckpointWriter, HasTheLastCheckpointOnDiskWhenDestroyedAndKeepsTheNewest) {
  const TemporaryFolder folder;
  {
    CheckpointWriter writer(folder.path(), 2, true, nullptr);
    for (const std::uint64_t step : {1, 2, 3}) writer.save(contents_at(step));
  }

  std::vector<std::string> names;
  for (const fs::path& step : checkpoint_folders(folder.path())) {
    verify_checkpoint(step);
    names.push_back(step.filename().string());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"step-000000003", "step-000000002"}));
}

TEST(CheckpointWriter, ReportsWhatEachCheckpointHasCost) {
  const TemporaryFolder folder;
  CheckpointWriter writer(folder.path(), 3, true, nullptr);

  writer.save(contents_at(1));
  writer.save(contents_at(2));
  writer.finish();

  const std::vector<CheckpointReport> reports = writer.take_reports();
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[1].name, "step-000000002");
  EXPECT_GT(reports[0].seconds, 0);
  std::uint64_t bytes = 0;
  for (const auto& file : fs::directory_iterator(folder / "step-000000001")) bytes += file.file_size();
  EXPECT_EQ(reports[0].bytes, bytes);
  EXPECT_TRUE(writer.take_reports().empty());
}

TEST(CheckpointWriter, CountsTheWaitForTheOneBeforeAsStall) {
  CheckpointWriter writer(
      calling([](const CheckpointContents&) { std::this_thread::sleep_for(std::chrono::milliseconds(200)); }), true,
      nullptr);

  writer.save(with_weights(torch::zeros({1})));
  writer.save(with_weights(torch::zeros({1})));
  writer.finish();

  EXPECT_GT(writer.take_reports().at(1).stall, 0.05);
}

TEST(ReportText, NamesStallDurationAndSize) {
  EXPECT_EQ(report_text({"step-000000050", 0.0123, 0.4, 17'300'000}),
            "checkpoint step-000000050: stall 0.012 s, written in 0.40 s, 17.3 MB");
}

}  // namespace
}  // namespace pathline
