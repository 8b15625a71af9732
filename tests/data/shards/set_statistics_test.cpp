#include "data/shards/set_statistics.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

TEST(SetStatistics, AgreeWithTwoPlainPasses) {
  for (const std::string dtype : {"uint8", "float32"}) {
    TemporaryFolder folder;
    const DatasetInfo info = small_info(SampleShape::picture(2, 5, 7), dtype);
    write_small_set(folder / "set", 300, 100, info);
    const ShardSet set = ShardSet::open(folder / "set");

    const SetStatistics found = set_statistics(set);

    for (std::size_t c = 0; c < 2; ++c) {
      std::vector<double> values;
      for (std::uint64_t id = 0; id < 300; ++id) {
        const auto image = small_sample(info, id);
        for (std::size_t i = c; i < 70; i += 2) {
          float number;
          std::memcpy(&number, image.data() + (dtype == "uint8" ? 0 : 4 * i), 4);
          values.push_back(dtype == "uint8" ? std::to_integer<int>(image[i]) : static_cast<double>(number));
        }
      }
      double mean = 0, squares = 0;
      for (const double value : values) mean += value / static_cast<double>(values.size());
      for (const double value : values) squares += (value - mean) * (value - mean);
      EXPECT_NEAR(found.mean[c], mean, 1e-9 * std::abs(mean));
      EXPECT_NEAR(found.deviation[c], std::sqrt(squares / static_cast<double>(values.size())), 1e-9 * std::abs(mean));
      EXPECT_EQ(found.smallest[c], *std::min_element(values.begin(), values.end()));
      EXPECT_EQ(found.largest[c], *std::max_element(values.begin(), values.end()));
    }
  }
}

TEST(SetStatistics, AreTheSameBitsForAnyNumberOfThreads) {
  TemporaryFolder folder;
  write_small_set(folder / "set", 60, 25, small_info(SampleShape::picture(3, 200, 200), "float32"));  // several pieces
  const ShardSet set = ShardSet::open(folder / "set");

  const SetStatistics one = set_statistics(set, {}, 1), four = set_statistics(set, {}, 4);

  EXPECT_EQ(one.mean, four.mean);
  EXPECT_EQ(one.deviation, four.deviation);
}

}  // namespace
}  // namespace pathline::data
