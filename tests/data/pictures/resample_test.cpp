#include "data/pictures/resample.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

namespace pathline::data {
namespace {

std::vector<std::uint8_t> random_picture(Extent extent, int channels) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(extent.width * extent.height * channels));
  std::uint32_t state = 12345;
  for (auto& pixel : pixels) {
    state = state * 1664525 + 1013904223;
    pixel = static_cast<std::uint8_t>(state >> 24);
  }
  return pixels;
}

std::vector<std::uint8_t> resized(const std::vector<std::uint8_t>& pixels, Extent from, Extent to, int channels,
                                  ResizeFilter filter) {
  std::vector<std::uint8_t> result(static_cast<std::size_t>(to.width * to.height * channels));
  Resampler resampler(from, to, channels, filter, result.data());
  for (std::int64_t y = 0; y < from.height; ++y) resampler.add_row(pixels.data() + y * from.width * channels);
  return result;
}

/// The weight of input pixel i in output pixel o, straight from the definition and not normalised.
double weight(std::int64_t i, std::int64_t o, double step, ResizeFilter filter) {
  const auto in = static_cast<double>(i), out = static_cast<double>(o);
  if (filter == ResizeFilter::area) return std::max(0.0, std::min(in + 1, (out + 1) * step) - std::max(in, out * step));
  const double x = std::abs((in + 0.5 - (out + 0.5) * step) / std::max(step, 1.0));
  if (x >= 3) return 0;
  const double a = std::numbers::pi * x;
  return x < 1e-12 ? 1 : 3 * std::sin(a) * std::sin(a / 3) / (a * a);
}

/// Every output pixel as a weighted mean over the whole picture, in double.
double direct(const std::vector<std::uint8_t>& pixels, Extent from, Extent to, int channels, ResizeFilter filter,
              std::int64_t x, std::int64_t y, int c) {
  double sum = 0, weights = 0;
  for (std::int64_t j = 0; j < from.height; ++j) {
    const double down = weight(j, y, static_cast<double>(from.height) / static_cast<double>(to.height), filter);
    for (std::int64_t i = 0; i < from.width; ++i) {
      const double w = down * weight(i, x, static_cast<double>(from.width) / static_cast<double>(to.width), filter);
      sum += w * pixels[static_cast<std::size_t>((j * from.width + i) * channels + c)];
      weights += w;
    }
  }
  return std::min(255.0, std::max(0.0, sum / weights));
}

class ResampleAgainstDefinition
    : public testing::TestWithParam<std::tuple<ResizeFilter, std::pair<Extent, Extent>, int>> {};

TEST_P(ResampleAgainstDefinition, IsWithinHalfALevel) {
  const auto [filter, extents, channels] = GetParam();
  const auto [from, to] = extents;
  const auto pixels = random_picture(from, channels);

  const auto result = resized(pixels, from, to, channels, filter);

  for (std::int64_t y = 0; y < to.height; ++y) {
    for (std::int64_t x = 0; x < to.width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const double expected = direct(pixels, from, to, channels, filter, x, y, c);
        const int found = result[static_cast<std::size_t>((y * to.width + x) * channels + c)];
        ASSERT_LE(std::abs(found - expected), 0.5 + 1e-3) << x << ", " << y << ", " << c;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ResampleAgainstDefinition,
                         testing::Combine(testing::Values(ResizeFilter::area, ResizeFilter::lanczos),
                                          testing::Values(std::pair<Extent, Extent>{{31, 17}, {7, 5}},
                                                          std::pair<Extent, Extent>{{8, 8}, {4, 4}},
                                                          std::pair<Extent, Extent>{{5, 7}, {13, 20}},
                                                          std::pair<Extent, Extent>{{40, 3}, {9, 11}},
                                                          std::pair<Extent, Extent>{{1, 1}, {3, 2}},
                                                          std::pair<Extent, Extent>{{19, 23}, {1, 1}}),
                                          testing::Values(1, 3)));

TEST(Resample, HalvingByAreaAveragesFourPixels) {
  const std::vector<std::uint8_t> pixels = {10, 20, 0, 0, 30, 41, 0, 255};

  const auto result = resized(pixels, {4, 2}, {2, 1}, 1, ResizeFilter::area);

  EXPECT_EQ(result, (std::vector<std::uint8_t>{25, 64}));  // 25.25 and 63.75
}

TEST(Resample, KeepsAPlainColour) {
  for (const ResizeFilter filter : {ResizeFilter::area, ResizeFilter::lanczos}) {
    const std::vector<std::uint8_t> pixels(77 * 31 * 3, 201);

    const auto result = resized(pixels, {77, 31}, {10, 45}, 3, filter);

    EXPECT_EQ(result, std::vector<std::uint8_t>(10 * 45 * 3, 201));
  }
}

TEST(Resample, WeightsSumToOne) {
  for (const ResizeFilter filter : {ResizeFilter::area, ResizeFilter::lanczos}) {
    for (const Taps& taps : resize_taps(1000, 37, filter)) {
      double sum = 0;
      for (const float w : taps.weights) sum += w;
      EXPECT_NEAR(sum, 1, 1e-6);
      EXPECT_GE(taps.first, 0);
      EXPECT_LE(taps.first + static_cast<std::int64_t>(taps.weights.size()), 1000);
    }
  }
}

}  // namespace
}  // namespace pathline::data
