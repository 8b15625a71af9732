#include "data/read/sample_order.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

TEST(SampleOrder, IsABijectionForEverySmallSize) {
  for (std::uint64_t size = 1; size <= 2000; ++size) {
    const SampleOrder order(size, 12345);

    std::vector<bool> seen(size);
    std::uint64_t found = 0;
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t id = order.permute(size % 5, i);
      ASSERT_LT(id, size);
      if (!seen[id]) ++found;
      seen[id] = true;
    }

    ASSERT_EQ(found, size) << "size " << size;
  }
}

TEST(SampleOrder, IsABijectionForLargeSizes) {
  for (const std::uint64_t size :
       {std::uint64_t{60000}, std::uint64_t{65536}, std::uint64_t{65537}, std::uint64_t{262145}}) {
    const SampleOrder order(size, 7);

    std::vector<bool> seen(size);
    std::uint64_t found = 0;
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t id = order.permute(3, i);
      ASSERT_LT(id, size);
      if (!seen[id]) ++found;
      seen[id] = true;
    }

    EXPECT_EQ(found, size);
  }
}

// Computed by a separate Python program from the definition in sample_order.h. If this fails, runs no longer resume as
// they were begun.
TEST(SampleOrder, MatchesKnownAnswers) {
  struct Answer {
    std::uint64_t size, seed, epoch;
    std::vector<std::uint64_t> ids;  // of indices 0, 1, 2, ...
  };
  const std::vector<Answer> answers = {
      {1, 0, 0, {0}},
      {10, 0, 0, {6, 0, 1, 5, 8}},
      {10, 0, 1, {0, 2, 1, 8, 3}},
      {10, 1, 0, {1, 3, 4, 8, 9}},
      {60000, 0, 0, {53520, 44617, 54694, 56520, 21735}},
      {60000, 42, 7, {46458, 23960, 33988, 36235, 47589}},
      {60000, 9223372036854775813u, 16777215, {33338, 35726, 36820, 41480, 39167}},
      {1099511627779u, 99, 3, {35367949673, 594383534340, 809669378634, 277964054197, 607345960837}},
  };

  for (const Answer& answer : answers) {
    const SampleOrder order(answer.size, answer.seed);

    for (std::uint64_t i = 0; i < answer.ids.size(); ++i) {
      EXPECT_EQ(order.permute(answer.epoch, i), answer.ids[i])
          << "size " << answer.size << " seed " << answer.seed << " index " << i;
    }
  }
}

TEST(SampleOrder, PositionSplitsIntoEpochAndIndex) {
  const SampleOrder order(10, 5);

  const SampleRef sample = order.at(37);

  EXPECT_EQ(sample.position, 37u);
  EXPECT_EQ(sample.epoch, 3u);
  EXPECT_EQ(sample.id, order.permute(3, 7));
}

TEST(SampleOrder, EpochsAndSeedsDiffer) {
  std::set<std::vector<std::uint64_t>> orders;

  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const SampleOrder order(100, seed);
    for (std::uint64_t epoch = 0; epoch < 25; ++epoch) {
      std::vector<std::uint64_t> ids;
      for (std::uint64_t i = 0; i < 100; ++i) ids.push_back(order.permute(epoch, i));
      orders.insert(ids);
    }
  }

  EXPECT_EQ(orders.size(), 100u);
}

/// (chi-square - degrees) / its standard deviation.
double chi_square_z(const std::vector<std::uint64_t>& counts, double expected, double degrees) {
  double sum = 0;
  for (const std::uint64_t count : counts)
    sum += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
  return (sum - degrees) / std::sqrt(2 * degrees);
}

TEST(SampleOrder, EveryIdIsEquallyLikelyAtEveryIndex) {
  constexpr std::uint64_t size = 48, epochs = size * 100;
  const SampleOrder order(size, 2024);

  std::vector<std::uint64_t> counts(size * size);
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    for (std::uint64_t i = 0; i < size; ++i) ++counts[i * size + order.permute(epoch, i)];
  }

  // Rows and columns are both fixed, hence (size - 1)^2 degrees of freedom.
  EXPECT_LT(std::abs(chi_square_z(counts, 100, (size - 1.0) * (size - 1.0))), 5);
}

TEST(SampleOrder, NeighboursAreIndependent) {
  constexpr std::uint64_t size = 53, epochs = 4000;
  const SampleOrder order(size, 77);

  std::vector<std::uint64_t> differences(size - 1);
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    for (std::uint64_t i = 0; i + 1 < size; ++i) {
      ++differences[(order.permute(epoch, i + 1) + size - order.permute(epoch, i)) % size - 1];
    }
  }

  EXPECT_LT(std::abs(chi_square_z(differences, static_cast<double>(epochs), size - 2.0)), 5);
}

TEST(SampleOrder, RefusesEpochsThatTheGeneratorCannotKey) {
  const SampleOrder order(4, 1);

  expect_error(ExitCode::usage, {}, [&] { order.at(std::uint64_t{4} << 24); });
}

TEST(KeyedPermutation, HasAnInverse) {
  for (std::uint64_t size = 1; size < 300; ++size) {
    const KeyedPermutation permutation(size, RandomStream(3, Purpose::sample_order, size, 0));
    for (std::uint64_t i = 0; i < size; ++i) ASSERT_EQ(permutation.inverse(permutation(i)), i) << size;
  }
}

TEST(ParseShuffle, TakesTheTwoForms) {
  EXPECT_EQ(parse_shuffle("global")->window, 0u);
  EXPECT_EQ(parse_shuffle("windowed:4096")->window, 4096u);
  for (const char* text : {"", "Global", "windowed", "windowed:", "windowed:15", "windowed:-20", "windowed:20x",
                           "windowed: 20", "windowed:99999999999999999999"}) {
    EXPECT_FALSE(parse_shuffle(text)) << text;
  }
}

TEST(WindowedOrder, HasEveryImageOncePerEpochForAnySize) {
  for (const std::uint64_t window : {std::uint64_t{16}, std::uint64_t{33}, std::uint64_t{64}, std::uint64_t{1000}}) {
    for (std::uint64_t size = 1; size <= 400; size += size < 70 ? 1 : 13) {
      const SampleOrder order(size, 5, {window});
      SampleOrder::Cursor cursor(order);
      std::vector<bool> seen(size);

      for (std::uint64_t position = 2 * size; position < 3 * size; ++position) {
        const SampleRef sample = cursor.at(position);
        ASSERT_EQ(sample.epoch, 2u);
        ASSERT_LT(sample.id, size);
        ASSERT_FALSE(seen[sample.id]) << "size " << size << " window " << window;
        seen[sample.id] = true;
      }
    }
  }
}

// The quality that docs/formats/shards.md states: neighbours on disk are delivered within two windows of each other, a
// window draws on sixteen or seventeen blocks, and blocks come from anywhere in the set.
TEST(WindowedOrder, ShufflesAsWellAsStated) {
  constexpr std::uint64_t size = 10007, window = 640, block = window / 16;
  SampleOrder order(size, 11, {window});
  SampleOrder::Cursor cursor(order);
  std::vector<std::uint64_t> place(size);
  std::vector<std::set<std::uint64_t>> blocks((size + window - 1) / window);
  double travelled = 0;

  for (std::uint64_t i = 0; i < size; ++i) {
    const std::uint64_t id = cursor.at(i).id;
    place[id] = i;
    blocks[i / window].insert(id / block);
    travelled += std::abs(static_cast<double>(id) - static_cast<double>(i)) / size;
  }

  for (std::uint64_t id = 0; id + 1 < size; ++id) {
    if (id / block != (id + 1) / block) continue;
    const std::uint64_t apart = std::max(place[id], place[id + 1]) - std::min(place[id], place[id + 1]);
    ASSERT_LT(apart, 2 * window) << id;
  }
  for (const auto& each : blocks) EXPECT_LE(each.size(), 17u);
  EXPECT_NEAR(travelled / size, 1.0 / 3, 0.05);  // as far as under a global shuffle
}

TEST(WindowedOrder, AnnouncesTheImagesOfTheNextWindow) {
  constexpr std::uint64_t size = 1003, window = 160;
  const SampleOrder order(size, 2, {window});
  SampleOrder::Cursor cursor(order);
  for (std::uint64_t position = 0; position < size; position += window) {
    std::set<std::uint64_t> announced;
    for (const SampleRun& run : cursor.next_window(position)) {
      for (std::uint64_t id = run.first; id < run.first + run.count; ++id) announced.insert(id);
    }

    const std::uint64_t next = (position / window + 1) * window;
    for (std::uint64_t i = next; i < std::min(size, next + window); ++i)
      ASSERT_TRUE(announced.contains(cursor.at(i).id)) << i;
    EXPECT_LE(announced.size(), window + window / 16);
  }
}

// Computed by a separate Python program from the definition in docs/formats/shards.md.
TEST(WindowedOrder, MatchesKnownAnswers) {
  const SampleOrder even(100, 42, {32}), ragged(107, 7, {50});

  std::vector<std::uint64_t> first, later;
  for (std::uint64_t i = 0; i < 12; ++i) {
    first.push_back(even.permute(1, i));
    later.push_back(ragged.permute(3, 60 + i));
  }

  EXPECT_EQ(first, (std::vector<std::uint64_t>{13, 75, 61, 76, 71, 53, 2, 58, 52, 12, 64, 15}));
  EXPECT_EQ(later, (std::vector<std::uint64_t>{37, 75, 71, 88, 27, 4, 2, 94, 52, 74, 83, 51}));
}

}  // namespace
}  // namespace pathline::data
