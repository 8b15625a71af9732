#include "flow/keyed_draws.h"

#include <stdexcept>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

const std::vector<SampleKey> three = {{10, 0, 7}, {11, 0, 3}, {12, 1, 7}};

TEST(KeyedDraws, BelongToTheSampleNotToTheBatch) {
  const KeyedDraws all(5, three), one(5, {three[1]});

  EXPECT_TRUE(at::equal(one.uniform(2), all.uniform(2).narrow(0, 1, 1)));
  EXPECT_TRUE(at::equal(one.normal(2, {4, 3}), all.normal(2, {4, 3}).narrow(0, 1, 1)));
}

TEST(KeyedDraws, DifferBySampleEpochNumberAndSeed) {
  const at::Tensor here = KeyedDraws(5, three).uniform(0);

  EXPECT_NE(here[0].item<double>(), here[1].item<double>());
  EXPECT_NE(here[0].item<double>(), here[2].item<double>());
  EXPECT_FALSE(at::equal(here, KeyedDraws(5, three).uniform(1)));
  EXPECT_FALSE(at::equal(here, KeyedDraws(6, three).uniform(0)));
  EXPECT_TRUE(at::equal(here, KeyedDraws(5, three).uniform(0)));
}

// They are none of the draws that a sample's noise, time and drop come from.
TEST(KeyedDraws, AreAStreamOfTheirOwn) {
  RandomStream stream(5, Purpose::objective, 1, 7);
  stream.seek(std::uint64_t{3} << 28);

  EXPECT_EQ(KeyedDraws(5, three).uniform(3)[2].item<double>(), stream.uniform());
}

TEST(KeyedDraws, HaveTheMomentsOfTheirDistributions) {
  std::vector<SampleKey> many;
  for (std::uint64_t i = 0; i < 10000; ++i) many.push_back({i, 0, i});
  const KeyedDraws draws(1, many);

  const at::Tensor uniform = draws.uniform(0), normal = draws.normal(1, {2}).to(at::kDouble);

  EXPECT_NEAR(uniform.mean().item<double>(), 0.5, 5 * std::sqrt(1.0 / 12 / 10000));
  EXPECT_NEAR(normal.mean().item<double>(), 0, 5 / std::sqrt(20000.0));
  EXPECT_NEAR(normal.square().mean().item<double>(), 1, 5 * std::sqrt(2.0 / 20000));
}

TEST(KeyedDraws, EndInsteadOfRepeating) {
  EXPECT_NO_THROW((void)KeyedDraws(5, three).uniform(KeyedDraws::kDraws - 1));
  EXPECT_THROW((void)KeyedDraws(5, three).uniform(KeyedDraws::kDraws), std::out_of_range);
  EXPECT_THROW((void)KeyedDraws(5, three).normal(KeyedDraws::kDraws, {1}), std::out_of_range);
}

}  // namespace
}  // namespace pathline::flow
