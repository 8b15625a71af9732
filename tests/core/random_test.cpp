#include "core/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "core/box_muller.h"
#include "tests/core/expect_error.h"

namespace pathline {
namespace {

std::vector<double> normals(RandomStream stream, std::size_t count) {
  std::vector<double> values(count);
  stream.fill_normal(std::span<double>(values));
  return values;
}

std::vector<std::uint32_t> bits(RandomStream stream, std::size_t count) {
  std::vector<std::uint32_t> values(count);
  stream.fill_bits(values);
  return values;
}

RandomStream some_stream() {
  return {12345, Purpose::noise, 7, 890};
}

// The three vectors that Random123 publishes for philox4x32, 10 rounds; key and counter words are spread over our
// arguments.
TEST(RandomStream, IsPhilox4x3210) {
  const RandomStream zeros(0, static_cast<Purpose>(0), 0, 0);
  constexpr std::uint64_t kOnes = std::numeric_limits<std::uint64_t>::max();
  RandomStream ones(kOnes, static_cast<Purpose>(0xff), 0xffffff, kOnes);
  ones.seek(std::uint64_t{0xffffffff} * 4);
  RandomStream pi(0x299f31d0a4093822, static_cast<Purpose>(0x85), 0xa308d3, 0x0370734413198a2e);
  pi.seek(std::uint64_t{0x243f6a88} * 4);

  using Words = std::vector<std::uint32_t>;
  EXPECT_EQ(bits(zeros, 4), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(bits(ones, 4), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(bits(pi, 4), (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// These numbers are part of what a run is: if a stream is another one, resumed runs change. Never edit the table.
struct Row {
  std::uint64_t seed;
  Purpose purpose;
  std::uint64_t epoch, sample;
  std::vector<std::uint32_t> words;
  double uniform;
  std::vector<double> normals;
};
const std::vector<Row> known_streams{
    {0x2a,
     Purpose::sample_order,
     0,
     0x1,
     {0x744e22a4u, 0x4c8a7c17u, 0x5ec993b1u, 0x731df0f3u},
     0x1.3229f05dd138ap-2,
     {-0x1.85b3e5f36f274p-2, 0x1.32762e766b06bp+0}},
    {0x2a,
     Purpose::noise,
     1,
     0xea5f,
     {0xdb1f41deu, 0x1dec5456u, 0x959ab1e6u, 0xac4e949au},
     0x1.dec5456db1f48p-4,
     {0x1.a7ea13a6741ecp-2, 0x1.7ec287b18c2f3p-2}},
    {0x7,
     Purpose::time,
     3,
     0x200000005,
     {0x87d06025u, 0xfc95550bu, 0x4cc9e9fcu, 0x08d5e3b3u},
     0x1.f92aaa170fa0dp-1,
     {0x1.1f3b859c557c8p+0, -0x1.824ae43021049p-4}},
    {0x8000000000000009,
     Purpose::label_drop,
     16777215,
     0xc,
     {0xc7254c62u, 0x2949a934u, 0x76f0ebbeu, 0xb8ddb4bdu},
     0x1.4a4d49a6392a4p-3,
     {0x1.7fec3a1b47ffp-2, 0x1.33ee16bd22e34p-1}},
    {0x1,
     Purpose::flip,
     0,
     0x0,
     {0x99b977efu, 0x2e714e8bu, 0xa26360dfu, 0x2d1aeed9u},
     0x1.738a745ccdcbcp-3,
     {0x1.afff6676b36fap-2, 0x1.d5d448b3eadfbp-1}},
    {0x2a,
     Purpose::generation,
     0,
     0x1,
     {0x55442593u, 0x706fe0f0u, 0x9eb657c1u, 0xcc897d62u},
     0x1.c1bf83c15510ap-2,
     {-0x1.603f763513829p+0, 0x1.1aff589616f09p-1}},
    {0x2a,
     Purpose::weights,
     1,
     0xea5f,
     {0xb9a861d9u, 0x290824cdu, 0x36baf34bu, 0x1c60cc16u},
     0x1.4841266dcd434p-3,
     {0x1.b6995b0d1706fp-2, 0x1.5ae926a3fbp-1}},
    {0x7,
     Purpose::dropout,
     3,
     0x200000005,
     {0x45c2b7e0u, 0xdd91baffu, 0xc13c50d5u, 0x294878beu},
     0x1.bb2375fe8b857p-1,
     {0x1.11f940b0ebffep+0, -0x1.34c82123dda4cp+0}},
    {0x8000000000000009,
     Purpose::validation,
     16777215,
     0xc,
     {0x0623710eu, 0x1a78a2fbu, 0x4d28ffc8u, 0xc136a158u},
     0x1.a78a2fb062378p-4,
     {0x1.1666d425394bp+1, 0x1.a705c329fd59dp+0}},
    {0x2a,
     Purpose::solver_noise,
     5,
     0x300000011,
     {0x0416d7bbu, 0xd2a6cb8du, 0x5230030bu, 0x0d893b72u},
     0x1.a54d971a082dbp-1,
     {0x1.456fe8b7db4c1p+0, -0x1.4a45050e4439ap+1}},
    {0x2a,
     Purpose::objective,
     5,
     0x300000011,
     {0x7f591a7du, 0x47af87acu, 0xdf64f195u, 0x7b2a47b5u},
     0x1.1ebe1eb1fd646p-2,
     {-0x1.c5d4bbea5a931p-3, 0x1.2928a2e3d085p+0}},
};

TEST(RandomStream, KeyedStreamsNeverChange) {
  for (const Row& row : known_streams) {
    const RandomStream start(row.seed, row.purpose, row.epoch, row.sample);
    RandomStream stream = start;
    EXPECT_EQ(bits(start, 4), row.words);
    EXPECT_EQ(stream.uniform(), row.uniform);
    EXPECT_EQ(normals(start, 2), row.normals);
  }
}

TEST(RandomStream, DrawsDoNotDependOnHowTheyAreTaken) {
  const std::vector<std::uint32_t> expected = bits(some_stream(), 64);

  RandomStream one_by_one = some_stream();
  for (const std::uint32_t word : expected) ASSERT_EQ(one_by_one.bits32(), word);
  RandomStream in_pairs = some_stream();
  for (std::size_t i = 0; i < expected.size(); i += 2) {
    ASSERT_EQ(in_pairs.bits64(), std::uint64_t{expected[i + 1]} << 32 | expected[i]);
  }
}

TEST(RandomStream, SeekReachesAnyDraw) {
  const std::vector<std::uint32_t> expected = bits(some_stream(), 64);

  RandomStream stream = some_stream();
  for (const std::size_t draw : {63u, 0u, 5u, 4u, 17u, 2u, 33u}) {
    stream.seek(draw);
    EXPECT_EQ(stream.bits32(), expected[draw]) << "draw " << draw;
  }
}

TEST(RandomStream, EndsInsteadOfRepeating) {
  constexpr std::uint64_t kDraws = std::uint64_t{1} << 34;
  RandomStream stream = some_stream();
  stream.seek(kDraws - 1);

  EXPECT_NO_THROW(stream.bits32());
  EXPECT_THROW(stream.bits32(), std::out_of_range);
  EXPECT_THROW(stream.seek(kDraws + 1), std::out_of_range);
  EXPECT_NO_THROW(stream.seek(kDraws));
  EXPECT_THROW(stream.bits32(), std::out_of_range);
}

TEST(RandomStream, RefusesAnEpochThatWouldSpillIntoThePurpose) {
  EXPECT_NO_THROW(RandomStream(1, Purpose::noise, (1 << 24) - 1, 0));

  const Error error = test::error_of([] { RandomStream(1, Purpose::noise, 1 << 24, 0); });

  EXPECT_EQ(error.code(), ExitCode::usage);
}

TEST(RandomStream, EveryPartOfTheKeyMatters) {
  const std::uint32_t base = RandomStream(1, Purpose::noise, 2, 3).bits32();

  EXPECT_NE(base, RandomStream(2, Purpose::noise, 2, 3).bits32());
  EXPECT_NE(base, RandomStream(1 | std::uint64_t{1} << 32, Purpose::noise, 2, 3).bits32());
  EXPECT_NE(base, RandomStream(1, Purpose::time, 2, 3).bits32());
  EXPECT_NE(base, RandomStream(1, Purpose::noise, 3, 3).bits32());
  EXPECT_NE(base, RandomStream(1, Purpose::noise, 2, 4).bits32());
  EXPECT_NE(base, RandomStream(1, Purpose::noise, 2, 3 | std::uint64_t{1} << 32).bits32());
}

// Uniform numbers ---------------------------------------------------------------------------------

TEST(Uniform, IsAnOddMultipleOfTwoToTheMinus53) {
  RandomStream stream = some_stream();

  for (int i = 0; i < 1000; ++i) {
    const double scaled = stream.uniform() * 0x1p53;
    ASSERT_EQ(scaled, std::floor(scaled));
    ASSERT_EQ(std::fmod(scaled, 2.0), 1.0);
    ASSERT_LT(scaled, 0x1p53);
  }
}

TEST(Uniform, HasTheMomentsAndSpreadOfAUniformLaw) {
  constexpr int kCount = 200000, kBins = 100;
  RandomStream stream = some_stream();
  std::array<int, kBins> counts{};
  double sum = 0;

  for (int i = 0; i < kCount; ++i) {
    const double u = stream.uniform();
    sum += u;
    ++counts[static_cast<std::size_t>(u * kBins)];
  }

  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - kCount / kBins, 2) / (kCount / kBins);
  EXPECT_NEAR(sum / kCount, 0.5, 4 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_LT(chi_square, 148.2);  // 99.9 % point for 99 degrees of freedom
  EXPECT_GT(chi_square, 60.0);   // 0.1 % point: too even is wrong as well
}

// Normal numbers ----------------------------------------------------------------------------------

long double reference_minus_log(std::uint32_t word) {
  return -std::log((static_cast<long double>(word) + 0.5L) / 4294967296.0L);
}

TEST(BoxMuller, LogarithmMatchesTheLibraryAtEveryScale) {
  std::vector<std::uint32_t> words{0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xb504f333, 0xb504f334, 0xfffffffe, 0xffffffff};
  for (int i = 0; i < 32; ++i) words.push_back(std::uint32_t{1} << i);
  const auto more = bits(some_stream(), 20000);
  words.insert(words.end(), more.begin(), more.end());

  for (const std::uint32_t word : words) {
    const long double expected = reference_minus_log(word);
    ASSERT_NEAR(static_cast<double>(minus_log(word) / expected - 1.0L), 0.0, 4e-16) << word;
  }
}

TEST(BoxMuller, SineAndCosineMatchTheLibraryInEveryQuadrant) {
  std::vector<std::uint32_t> words{0,          1,          0xffffffff, 0x1fffffff, 0x20000000, 0x3fffffff, 0x40000000,
                                   0x5fffffff, 0x60000000, 0x80000000, 0x9fffffff, 0xa0000000, 0xc0000000, 0xe0000000};
  const auto more = bits(some_stream(), 20000);
  words.insert(words.end(), more.begin(), more.end());

  for (const std::uint32_t word : words) {
    const long double angle = 6.28318530717958647692528676655900577L * (word / 4294967296.0L);
    const CosSin found = turn(word);
    ASSERT_NEAR(found.cos, static_cast<double>(std::cos(angle)), 2.3e-16) << word;
    ASSERT_NEAR(found.sin, static_cast<double>(std::sin(angle)), 2.3e-16) << word;
  }
}

TEST(Normal, IsBoxMullerOfConsecutiveDraws) {
  const std::vector<std::uint32_t> words = bits(some_stream(), 1000);

  const std::vector<double> found = normals(some_stream(), 1000);

  for (std::size_t i = 0; i < words.size(); i += 2) {
    const long double radius = std::sqrt(2 * reference_minus_log(words[i]));
    const long double angle = 6.28318530717958647692528676655900577L * (words[i + 1] / 4294967296.0L);
    ASSERT_NEAR(found[i], static_cast<double>(radius * std::cos(angle)), 2e-15);
    ASSERT_NEAR(found[i + 1], static_cast<double>(radius * std::sin(angle)), 2e-15);
  }
}

TEST(Normal, FloatsAreTheRoundedDoubles) {
  const std::vector<double> exact = normals(some_stream(), 999);
  std::vector<float> rounded(999);

  some_stream().fill_normal(std::span<float>(rounded));

  for (std::size_t i = 0; i < exact.size(); ++i) ASSERT_EQ(rounded[i], static_cast<float>(exact[i]));
}

TEST(Normal, PiecesOfEvenLengthMakeUpTheWhole) {
  const std::vector<double> whole = normals(some_stream(), 60);
  std::vector<double> pieces(60);
  RandomStream stream = some_stream();

  std::size_t at = 0;
  for (const std::size_t length : {2u, 4u, 6u, 2u, 10u, 0u, 36u}) {
    stream.fill_normal(std::span<double>(pieces).subspan(at, length));
    at += length;
  }

  EXPECT_EQ(at, 60u);
  EXPECT_EQ(pieces, whole);
}

TEST(Normal, AnOddCountUsesUpTheWholePair) {
  RandomStream stream = some_stream();
  std::vector<double> odd(3);

  stream.fill_normal(std::span<double>(odd));

  EXPECT_EQ(odd, normals(some_stream(), 3));
  EXPECT_EQ(stream.bits32(), bits(some_stream(), 5)[4]);
}

TEST(Normal, StartsAtAnyDraw) {
  RandomStream aligned = some_stream(), shifted = some_stream();
  aligned.seek(1);
  shifted.seek(1);
  const std::uint32_t radius = shifted.bits32(), angle = shifted.bits32();
  std::vector<double> found(6);

  aligned.fill_normal(std::span<double>(found));

  double first = 0, second = 0;
  normal_pair(radius, angle, first, second);
  EXPECT_EQ(found[0], first);
  EXPECT_EQ(found[1], second);
}

TEST(Normal, HasTheMomentsOfTheStandardNormal) {
  constexpr std::size_t kCount = 400000;
  const std::vector<double> values = normals(some_stream(), kCount);

  std::array<double, 5> moment{};
  for (const double x : values) {
    for (int power = 1; power <= 4; ++power) moment[power] += std::pow(x, power) / kCount;
  }

  EXPECT_NEAR(moment[1], 0, 4 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(moment[2], 1, 4 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(moment[3], 0, 4 * std::sqrt(15.0 / kCount));
  EXPECT_NEAR(moment[4], 3, 4 * std::sqrt(96.0 / kCount));
}

TEST(Normal, PassesTheKolmogorovSmirnovTest) {
  constexpr std::size_t kCount = 400000;
  std::vector<double> values = normals(some_stream(), kCount);
  std::sort(values.begin(), values.end());

  double distance = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    const double cdf = 0.5 * std::erfc(-values[i] / std::sqrt(2.0));
    distance = std::max({distance, cdf - static_cast<double>(i) / kCount, static_cast<double>(i + 1) / kCount - cdf});
  }

  EXPECT_LT(distance * std::sqrt(kCount), 1.95);  // 99.9 % point
}

TEST(Normal, StreamsWithNeighbouringKeysAreUncorrelated) {
  constexpr std::size_t kCount = 100000;
  const std::vector<double> base = normals({1, Purpose::noise, 2, 3}, kCount);
  const std::vector<RandomStream> others{{1, Purpose::generation, 2, 3},
                                         {1, Purpose::time, 2, 3},
                                         {1, Purpose::noise, 3, 3},
                                         {1, Purpose::noise, 2, 4},
                                         {2, Purpose::noise, 2, 3}};

  for (const RandomStream& other : others) {
    const std::vector<double> values = normals(other, kCount);
    const double correlation = std::inner_product(base.begin(), base.end(), values.begin(), 0.0) / kCount;
    EXPECT_LT(std::abs(correlation), 4 / std::sqrt(kCount));
  }
}

// Across samples, as a batch sees it: element 0 of samples 0, 1, 2, ...
TEST(Normal, FirstDrawsOfSuccessiveSamplesAreIndependentNormals) {
  constexpr std::size_t kCount = 100000;
  std::vector<double> values(kCount);
  for (std::size_t sample = 0; sample < kCount; ++sample)
    values[sample] = normals({1, Purpose::noise, 0, sample}, 1)[0];

  double sum = 0, squares = 0, lagged = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    sum += values[i];
    squares += values[i] * values[i];
    lagged += values[i] * values[(i + 1) % kCount];
  }

  EXPECT_NEAR(sum / kCount, 0, 4 / std::sqrt(kCount));
  EXPECT_NEAR(squares / kCount, 1, 4 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(lagged / kCount, 0, 4 / std::sqrt(kCount));
}

}  // namespace
}  // namespace pathline
