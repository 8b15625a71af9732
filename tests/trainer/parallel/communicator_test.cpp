#include "trainer/parallel/communicator.h"

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>

#include <gtest/gtest.h>

#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {
namespace {

TEST(SelfCommunicator, IsTheOnlyRankAndLeavesSumsAsTheyAre) {
  const auto self = make_self_communicator();
  std::array<double, 2> values = {1.5, -2};

  self->all_reduce_sum(std::span<double>(values));

  EXPECT_EQ(self->size(), 1);
  EXPECT_EQ(self->rank(), 0);
  EXPECT_EQ(values, (std::array<double, 2>{1.5, -2}));
  EXPECT_EQ(self->all_gather("own"), std::vector<std::string>{"own"});
}

TEST(SelfCommunicator, SendsItselfWhatItWouldSendEachRank) {
  const auto self = make_self_communicator();
  const std::array<std::byte, 3> out = {std::byte{1}, std::byte{2}, std::byte{3}};
  std::array<std::byte, 3> in = {};
  const std::span<const std::byte> to_each[] = {out};
  const std::span<std::byte> from_each[] = {in};

  self->all_to_all(to_each, from_each);

  EXPECT_EQ(in, out);
}

TEST(SelfCommunicator, HasNobodyToSendTo) {
  const auto self = make_self_communicator();

  EXPECT_THROW(self->send("x", 1, 0), std::logic_error);
}

TEST(SelfCommunicator, ReducesGradientsInHostMemory) {
  const auto self = make_self_communicator();

  const auto channel = self->gradient_channel();

  EXPECT_EQ(channel->size(), 1);
  EXPECT_NE(channel->host(), nullptr);
}

}  // namespace
}  // namespace pathline::parallel
