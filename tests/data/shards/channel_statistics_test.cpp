#include "data/shards/channel_statistics.h"

#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace pathline::data {
namespace {

/// Values far from zero with a small spread, where a plain sum of squares has no digits left.
float value_at(std::size_t image, std::size_t pixel, std::size_t channel) {
  return static_cast<float>(4096.0 * static_cast<double>(channel + 1) +
                            0.25 * std::sin(static_cast<double>(image * 31 + pixel * 7 + channel)));
}

TEST(ChannelStatistics, EqualsTwoPassesInLongDouble) {
  constexpr std::size_t images = 50, pixels = 35, channels = 3;
  ChannelStatistics found;
  std::array<long double, channels> sum{}, squares{};
  for (std::size_t i = 0; i < images; ++i) {
    std::vector<float> image;
    for (std::size_t p = 0; p < pixels; ++p) {
      for (std::size_t c = 0; c < channels; ++c) image.push_back(value_at(i, p, c));
    }
    found.merge(ChannelStatistics::of(image.data(), pixels, channels));
  }

  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t k = 0; k < images * pixels; ++k) sum[c] += value_at(k / pixels, k % pixels, c);
    const long double mean = sum[c] / (images * pixels);
    for (std::size_t k = 0; k < images * pixels; ++k)
      squares[c] += std::pow(value_at(k / pixels, k % pixels, c) - mean, 2);
    EXPECT_NEAR(found.mean[c], static_cast<double>(mean), 1e-11 * static_cast<double>(mean));
    const double deviation = std::sqrt(static_cast<double>(squares[c] / (images * pixels)));
    EXPECT_NEAR(found.scale(c), deviation, 1e-9 * deviation);
  }
}

TEST(ChannelStatistics, AreTheSameWithTheChannelsFirst) {
  constexpr std::size_t channels = 3, places = 5;
  std::vector<float> last(channels * places), first(channels * places);
  for (std::size_t i = 0; i < last.size(); ++i) {
    last[i] = 0.37f * static_cast<float>(i * i % 11);
    first[i % channels * places + i / channels] = last[i];
  }

  const ChannelStatistics expected = ChannelStatistics::of(last.data(), places, channels);
  const ChannelStatistics found = ChannelStatistics::of_channels_first(first.data(), channels, places);

  EXPECT_EQ(found.count, expected.count);
  EXPECT_EQ(found.mean, expected.mean);
  EXPECT_EQ(found.squares, expected.squares);
}

TEST(ChannelStatistics, AConstantChannelHasScaleOne) {
  const std::vector<float> image(12, 3.5f);

  const auto found = ChannelStatistics::of(image.data(), 6, 2);

  EXPECT_EQ(found.mean[1], 3.5);
  EXPECT_EQ(found.scale(1), 1);
}

}  // namespace
}  // namespace pathline::data
