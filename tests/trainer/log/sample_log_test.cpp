#include "trainer/log/sample_log.h"

#include <gtest/gtest.h>

#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

using test::TemporaryFolder;

data::Batch batch_of(std::uint64_t number, std::vector<data::SampleRef> samples) {
  data::Batch batch;
  batch.number = number;
  batch.samples = std::move(samples);
  return batch;
}

TEST(SampleLog, ListsTheSamplesOfEachBatchInAFilePerRank) {
  const TemporaryFolder folder;
  SampleLog log((folder / "logs/samples").string(), 3);

  log.add(batch_of(0, {{0, 0, 17}, {1, 0, 4}}));
  log.add(batch_of(1, {{8, 1, 17}}));
  log.flush();

  EXPECT_EQ(test::file_text(folder / "logs/samples.rank-3"), "1 0 17\n1 0 4\n2 1 17\n");
}

TEST(SampleLog, WritesNothingOfAStepThatWasNotTaken) {
  const TemporaryFolder folder;
  {
    SampleLog log((folder / "samples").string(), 0);
    log.add(batch_of(0, {{0, 0, 17}}));
  }

  EXPECT_EQ(test::file_text(folder / "samples.rank-0"), "");
}

TEST(SampleLog, GoesOnWhereAnEarlierRunEnded) {
  const TemporaryFolder folder;
  for (const std::uint64_t number : {0U, 1U}) {
    SampleLog log((folder / "samples").string(), 0);
    log.add(batch_of(number, {{0, 0, 5}}));
    log.flush();
  }

  EXPECT_EQ(test::file_text(folder / "samples.rank-0"), "1 0 5\n2 0 5\n");
}

}  // namespace
}  // namespace pathline
