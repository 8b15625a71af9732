#include "trainer/parallel/engine/reduction.h"

#include <algorithm>
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/thread_communicator.h"

namespace pathline::parallel {
namespace {

using test::error_of;
using test::run_ranks;

constexpr std::size_t kValues = 37;  // neither a multiple of the ranks nor of a vector

/// Values of very different sizes, so that the order of adding shows.
std::vector<float> gradient_of(std::uint64_t micro) {
  RandomStream stream(7, Purpose::noise, 0, micro);
  std::vector<float> values(kValues);
  stream.fill_normal(std::span<float>(values));
  for (std::size_t i = 0; i < kValues; ++i) values[i] *= (micro + i) % 3 == 0 ? 1e4F : 1e-2F;
  return values;
}

/// The definition, literally: the sum of a node is that of its left half plus that of its right half.
std::vector<float> naive_tree_sum(std::uint64_t first, std::uint64_t width, std::uint64_t micro_batches) {
  if (width == 1) return gradient_of(first);
  std::vector<float> sum = naive_tree_sum(first, width / 2, micro_batches);
  if (first + width / 2 < micro_batches) {
    const std::vector<float> right = naive_tree_sum(first + width / 2, width / 2, micro_batches);
    for (std::size_t i = 0; i < kValues; ++i) sum[i] += right[i];
  }
  return sum;
}

std::vector<float> naive_sum(std::uint64_t micro_batches) {
  std::uint64_t width = 1;
  while (width < micro_batches) width *= 2;
  return naive_tree_sum(0, width, micro_batches);
}

/// Two uneven buckets, shared out over the ranks.
ReductionPlan plan_for(int ranks, bool to_owners) {
  ReductionPlan plan;
  plan.buckets = {{0, 13}, {13, kValues - 13}};
  plan.to_owners = to_owners;
  for (const Slice& bucket : plan.buckets) {
    std::vector<Slice>& slices = plan.slices.emplace_back();
    for (int rank = 0; rank < ranks; ++rank) {
      const auto r = static_cast<std::size_t>(rank), n = static_cast<std::size_t>(ranks);
      slices.push_back({bucket.count * r / n, bucket.count * (r + 1) / n - bucket.count * r / n});
    }
  }
  return plan;
}

std::vector<MicroRange> ranges_for(int ranks, std::uint64_t micro_batches) {
  std::vector<MicroRange> ranges;
  for (std::uint64_t r = 0; r < static_cast<std::uint64_t>(ranks); ++r) {
    ranges.push_back({micro_batches * r / static_cast<std::uint64_t>(ranks),
                      micro_batches * (r + 1) / static_cast<std::uint64_t>(ranks)});
  }
  return ranges;
}

/// What every rank ends up with after `kind` of reduction; with `to_owners`, after gathering from them.
std::vector<std::vector<float>> reduced(const std::string& kind, int ranks, std::uint64_t micro_batches,
                                        bool to_owners = false) {
  const std::vector<MicroRange> ranges = ranges_for(ranks, micro_batches);
  std::vector<std::vector<float>> results(static_cast<std::size_t>(ranks));
  run_ranks(ranks, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    std::vector<float> buffer(kValues, 0.0F);
    const auto channel = communicator.gradient_channel();
    const ReductionPlan plan = plan_for(ranks, to_owners);
    const auto reduction = make_reduction(kind, *channel, buffer, plan, ranges);
    for (int step = 0; step < 2; ++step) {  // twice: what a step leaves behind must not leak into the next
      std::fill(buffer.begin(), buffer.end(), 0.0F);
      for (std::uint64_t micro = ranges[rank].first; micro < ranges[rank].last; ++micro) {
        const std::vector<float> gradient = gradient_of(micro);
        for (std::size_t i = 0; i < kValues; ++i) buffer[i] += gradient[i];
        if (micro + 1 < ranges[rank].last) reduction->micro_batch_done(micro);
      }
      for (std::size_t bucket = 0; bucket < plan.buckets.size(); ++bucket) {
        reduction->reduce(bucket);
        const auto values = std::span<float>(buffer).subspan(plan.buckets[bucket].offset, plan.buckets[bucket].count);
        if (to_owners) channel->gather_from_owners(bucket, values, plan.slices[bucket]);
      }
    }
    results[rank] = buffer;
  });
  return results;
}

TEST(ReproducibleReduction, IsTheTreeOfItsDefinitionForAnyNumberOfRanks) {
  for (const std::uint64_t micro_batches : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 11U, 16U}) {
    const std::vector<float> expected = naive_sum(micro_batches);
    for (const int ranks : {1, 2, 3, 4}) {
      if (static_cast<std::uint64_t>(ranks) > micro_batches) continue;

      for (const bool to_owners : {false, true}) {
        const auto results = reduced("reproducible", ranks, micro_batches, to_owners);

        for (const auto& result : results)
          EXPECT_EQ(result, expected) << micro_batches << " micro-batches, " << ranks << " ranks, owners " << to_owners;
      }
    }
  }
}

TEST(ReproducibleReduction, ForgetsAStepThatARankGaveUpHalfWay) {
  const auto self = make_self_communicator();
  const auto channel = self->gradient_channel();
  std::vector<float> buffer(kValues, 1.0F);
  const auto reduction = make_reduction("reproducible", *channel, buffer, plan_for(1, false), {{0, 3}});
  reduction->micro_batch_done(0);
  for (const std::size_t bucket : {0U, 1U}) reduction->reduce(bucket);  // two micro-batches are missing

  for (std::uint64_t micro = 0; micro < 3; ++micro) {
    const std::vector<float> gradient = gradient_of(micro);
    std::copy(gradient.begin(), gradient.end(), buffer.begin());  // in place: the reduction holds a span
    if (micro < 2) reduction->micro_batch_done(micro);
  }
  for (const std::size_t bucket : {0U, 1U}) reduction->reduce(bucket);

  EXPECT_EQ(buffer, naive_sum(3));
}

TEST(FastReduction, SumsOverMicroBatchesAndRanks) {
  const std::vector<float> expected = naive_sum(6);
  for (const bool to_owners : {false, true}) {
    const auto results = reduced("fast", 3, 6, to_owners);

    for (const auto& result : results) {
      for (std::size_t i = 0; i < kValues; ++i) EXPECT_NEAR(result[i], expected[i], 1e-2) << i;
    }
  }
}

TEST(Reduction, RefusesAnUnknownKind) {
  const auto channel = make_self_communicator()->gradient_channel();
  std::vector<float> buffer(kValues);

  EXPECT_EQ(error_of([&] {
              make_reduction("quick", *channel, buffer, plan_for(1, false), {{0, 1}});
            }).code(),
            ExitCode::usage);
}

}  // namespace
}  // namespace pathline::parallel
