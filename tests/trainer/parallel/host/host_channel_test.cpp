#include <gtest/gtest.h>

#include "core/random.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {
namespace {

using test::run_ranks;

constexpr std::size_t kValues = 101;

std::vector<float> values_of(int rank) {
  RandomStream stream(3, Purpose::noise, 0, static_cast<std::uint64_t>(rank));
  std::vector<float> values(kValues);
  stream.fill_normal(std::span<float>(values));
  return values;
}

std::vector<double> exact_sum(int ranks) {
  std::vector<double> sum(kValues, 0.0);
  for (int rank = 0; rank < ranks; ++rank) {
    const std::vector<float> values = values_of(rank);
    for (std::size_t i = 0; i < kValues; ++i) sum[i] += values[i];
  }
  return sum;
}

/// Uneven on purpose, one of them empty.
std::vector<Slice> uneven_slices(int ranks) {
  std::vector<Slice> slices = {{0, 60}, {60, 0}, {60, 41}};
  slices.resize(static_cast<std::size_t>(ranks), Slice{kValues, 0});
  if (ranks == 1) slices[0] = {0, kValues};
  return slices;
}

TEST(HostChannel, GivesEveryRankTheSum) {
  for (const Compression compression : {Compression::none, Compression::bf16}) {
    const std::vector<double> expected = exact_sum(3);
    std::vector<std::vector<float>> results(3);

    run_ranks(3, [&](Communicator& communicator) {
      const auto channel = communicator.gradient_channel();
      std::vector<float> values = values_of(communicator.rank());
      channel->all_reduce_sum(0, values, compression);
      results[static_cast<std::size_t>(communicator.rank())] = values;
    });

    // bf16 has 8 significant bits: each contribution and the sum are off by at most 2^-9 of themselves.
    const double tolerance = compression == Compression::none ? 1e-6 : 0.02;
    for (std::size_t i = 0; i < kValues; ++i) EXPECT_NEAR(results[0][i], expected[i], tolerance * 3) << i;
    EXPECT_EQ(results[1], results[0]);
    EXPECT_EQ(results[2], results[0]);
  }
}

TEST(HostChannel, ReducesToOwnersAndGathersFromThem) {
  for (const int ranks : {1, 3}) {
    const std::vector<double> expected = exact_sum(ranks);
    const std::vector<Slice> slices = uneven_slices(ranks);

    run_ranks(ranks, [&](Communicator& communicator) {
      const auto channel = communicator.gradient_channel();
      std::vector<float> values = values_of(communicator.rank());
      channel->reduce_to_owners(0, values, slices, Compression::none);
      const Slice own = slices[static_cast<std::size_t>(communicator.rank())];
      for (std::size_t i = own.offset; i < own.offset + own.count; ++i) EXPECT_NEAR(values[i], expected[i], 1e-5);

      channel->gather_from_owners(0, values, slices);

      for (std::size_t i = 0; i < kValues; ++i) EXPECT_NEAR(values[i], expected[i], 1e-5);
    });
  }
}

}  // namespace
}  // namespace pathline::parallel
