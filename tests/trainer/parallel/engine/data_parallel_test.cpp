#include "trainer/parallel/engine/data_parallel.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/engine/small_net.h"
#include "tests/trainer/parallel/thread_communicator.h"

namespace pathline::parallel {
namespace {

using test::contains;
using test::error_of;
using test::Net;
using test::reference_gradients;
using test::run_ranks;
using test::small_buckets;

TEST(DataParallel, StartsFromTheParametersOfRankZero) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(static_cast<std::uint64_t>(1 + 10 * communicator.rank()));

    const DataParallel parallel(net, communicator);

    EXPECT_TRUE(net.first.equal(Net(1).first));
  });
}

TEST(DataParallel, SaysSoWhenTheGradientBufferWasThrownAway) {
  const auto self = make_self_communicator();
  Net net(1);
  DataParallel parallel(net, *self);

  net.zero_grad(/*set_to_none=*/true);
  parallel.backward(net.loss(0));

  EXPECT_TRUE(contains(error_of([&] { parallel.finish(); }).what(), "zero_grad() of DataParallel"));
}

TEST(DataParallel, SharesMicroBatchesOutInOrder) {
  std::vector<std::vector<std::uint64_t>> own(3);

  run_ranks(3, [&](Communicator& communicator) {
    Net net(1);
    const DataParallel parallel(net, communicator, {small_buckets(), 7, true});
    for (const std::uint64_t micro : parallel.micro_batches())
      own[static_cast<std::size_t>(communicator.rank())].push_back(micro);
  });

  EXPECT_EQ(own, (std::vector<std::vector<std::uint64_t>>{{0, 1}, {2, 3}, {4, 5, 6}}));
}

TEST(DataParallel, AddsUpPartsOfALossAsTheyAre) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {small_buckets(), 6, true});

    for (const std::uint64_t micro : parallel.micro_batches()) parallel.backward_part(net.loss(micro) / 6);
    parallel.finish();

    EXPECT_LT((net.first.grad() - reference_gradients(6)[0]).abs().max().item<double>(), 1e-6);
  });
}

TEST(DataParallel, SaysAtOnceThatGradientsAreNotFiniteWhereTheyHaveNotLeft) {
  const auto self = make_self_communicator();
  Net net(1);
  DataParallel parallel(net, *self, {small_buckets(), 3, true});

  EXPECT_TRUE(parallel.backward(net.loss(0)));
  EXPECT_FALSE(parallel.backward(net.loss(1) * std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(parallel.backward(net.loss(2)));  // the last: buckets may be on their way
  parallel.finish();

  EXPECT_FALSE(parallel.was_finite());
}

TEST(DataParallel, LetsOtherBuffersMoveBeforeTheBucketsAreRebuilt) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {small_buckets(), 0, true});
    int moves = 0;
    for (int step = 0; step < 2; ++step) {
      // In another order than the first layout's.
      parallel.backward(net.bias.sum() + net.second.sum() + net.first.sum());
      parallel.finish();

      parallel.zero_grad([&](const FlatLayout& next) {
        ++moves;
        EXPECT_NE(next.order(), parallel.engine().layout().order());
      });
    }

    EXPECT_EQ(moves, 1);
  });
}

}  // namespace
}  // namespace pathline::parallel
