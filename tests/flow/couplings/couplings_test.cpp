// What holds for every coupling of the table.

#include <algorithm>
#include <numeric>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/couplings/coupled_batch.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

CoupledBatch some_batch() {
  return {at::randn({8, 1, 2, 2}), at::randn({8, 1, 2, 2}), Condition(at::arange(8).remainder(3))};
}

std::vector<std::int64_t> all_of(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(Couplings, GiveEachNoiseToOneSample) {
  for (const auto& entry : coupling_table()) {
    std::vector<std::int64_t> partners = make_coupling(entry.name)->partners(some_batch());

    std::sort(partners.begin(), partners.end());
    EXPECT_EQ(partners, all_of(8)) << entry.name;
  }
}

TEST(Couplings, AreMadeAgainFromTheirText) {
  for (const auto& entry : coupling_table()) {
    const std::string text = make_coupling(entry.name)->text();
    EXPECT_EQ(make_coupling(text)->text(), text);
  }
}

TEST(Couplings, AnUnknownNameIsRefusedWithTheNearest) {
  const Error error = test::error_of([] { (void)make_coupling("independant"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(test::contains(error.hint(), "did you mean independent?"));
}

TEST(IndependentCoupling, LeavesEachSampleItsOwnNoise) {
  const auto coupling = make_coupling("independent");

  EXPECT_FALSE(coupling->hands_round());
  EXPECT_EQ(coupling->partners(some_batch()), all_of(8));
}

}  // namespace
}  // namespace pathline::flow
