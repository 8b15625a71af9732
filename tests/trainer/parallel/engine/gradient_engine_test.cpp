#include "trainer/parallel/engine/gradient_engine.h"

#include <atomic>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/torch.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/engine/small_net.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/parallel/engine/data_parallel.h"

namespace pathline::parallel {
namespace {

using test::contains;
using test::error_of;
using test::Net;
using test::parameters_of;
using test::reference_gradients;
using test::run_ranks;
using test::small_buckets;

/// Rank 0's gradients after the last of three equal steps.
std::vector<at::Tensor> engine_gradients(int ranks, std::uint64_t micro_batches, const EngineSettings& settings) {
  std::vector<at::Tensor> result;
  run_ranks(ranks, [&](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {settings, micro_batches, true});
    for (int step = 0; step < 3; ++step) {
      for (const std::uint64_t micro : parallel.micro_batches()) parallel.backward(net.loss(micro));
      parallel.finish();
      if (settings.to_owners) parallel.engine().gather(parallel.engine().gradients());
      if (step == 2 && communicator.rank() == 0) {
        for (const at::Tensor& parameter : net.parameters()) result.push_back(parameter.grad().clone());
      }
      parallel.zero_grad();
    }
  });
  return result;
}

void expect_close(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_LT((found[i] - expected[i]).abs().max().item<double>(), tolerance) << "parameter " << i;
}

void expect_equal(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(found[i].equal(expected[i])) << "parameter " << i;
}

TEST(GradientEngine, SumsOverMicroBatchesAndRanksWhetherItOverlapsOrNot) {
  const std::vector<at::Tensor> expected = reference_gradients(6);
  for (const int ranks : {1, 2, 3}) {
    for (const bool overlap : {true, false}) {
      EngineSettings settings = small_buckets();
      settings.overlap = overlap;

      expect_close(engine_gradients(ranks, 6, settings), expected, 1e-6);
    }
  }
}

TEST(GradientEngine, GivesTheSameBitsOnAnyNumberOfRanksWhenReproducible) {
  const std::vector<at::Tensor> expected = engine_gradients(1, 6, small_buckets("reproducible"));
  expect_close(expected, reference_gradients(6), 1e-6);
  for (const int ranks : {2, 3, 4}) {
    for (const bool to_owners : {false, true}) {
      EngineSettings settings = small_buckets("reproducible");
      settings.to_owners = to_owners;

      expect_equal(engine_gradients(ranks, 6, settings), expected);
    }
  }
}

TEST(GradientEngine, GivesOwnersTheSumOfTheirSlices) {
  EngineSettings settings = small_buckets();
  settings.to_owners = true;

  expect_close(engine_gradients(3, 6, settings), reference_gradients(6), 1e-6);
}

TEST(GradientEngine, RoundsToBfloat16BetweenRanksWhenAsked) {
  EngineSettings settings = small_buckets();
  settings.compression = Compression::bf16;
  const std::vector<at::Tensor> expected = reference_gradients(4);

  const std::vector<at::Tensor> found = engine_gradients(2, 4, settings);

  double largest = 0;
  for (const at::Tensor& gradient : expected) largest = std::max(largest, gradient.abs().max().item<double>());
  expect_close(found, expected, largest / 64);  // 8 significant bits, a few roundings
  EXPECT_GT((found[0] - expected[0]).abs().max().item<double>(), 0);
}

TEST(GradientEngine, ReducesBucketsBeforeBackwardHasEnded) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {small_buckets(), 0, true});
    ASSERT_GT(parallel.engine().buckets().size(), 1U);
    // The input of the net is the last that backward reaches: its hook waits until a bucket has been reduced.
    std::atomic<bool> reduced_in_time{false};
    at::Tensor input = torch::ones({test::kBatch, test::kIn}).set_requires_grad(true);
    input.register_hook([&](const at::Tensor&) {
      for (int i = 0; i < 500 && !reduced_in_time; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        reduced_in_time = parallel.engine().reduced_so_far() > 0;
      }
    });

    parallel.backward(net.forward(input).square().mean());
    parallel.finish();

    EXPECT_TRUE(reduced_in_time);
  });
}

TEST(GradientEngine, RebuildsItsBucketsOnceInTheOrderInWhichGradientsAreReady) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    const NamedParameters parameters = parameters_of(net);
    GradientEngine engine(parameters, communicator, small_buckets(), {{0, 1}, {1, 2}});
    const auto step = [&] {
      const auto micro = static_cast<std::uint64_t>(communicator.rank());
      engine.begin_micro_batch(micro);
      // The first parameter alone comes last in registration's reverse order, but its gradient is made first here.
      (net.bias.sum() + net.second.sum() + net.first.sum()).backward();
      engine.end_micro_batch(micro);
      engine.finish();
      engine.check_views();
    };
    step();
    engine.zero();

    const auto next = engine.rebuilt_layout();

    ASSERT_TRUE(next.has_value());
    EXPECT_NE(next->order(), engine.layout().order());
    engine.rebuild_buckets(*next);
    EXPECT_FALSE(engine.rebuilt_layout().has_value());
    step();
    EXPECT_TRUE(net.second.grad().eq(2).all().item<bool>());
    EXPECT_EQ(net.second.grad().strides(), net.second.strides());
  });
}

TEST(GradientEngine, CountsBytesCollectivesAndSeconds) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {small_buckets(), 0, true});
    for (const std::uint64_t micro : parallel.micro_batches()) parallel.backward(net.loss(micro));

    const CommunicationCounters counters = parallel.finish();

    EXPECT_EQ(counters.bytes, static_cast<std::uint64_t>(parallel.engine().layout().size()) * 4);
    EXPECT_EQ(counters.collectives, parallel.engine().buckets().size());
    EXPECT_GT(counters.seconds, 0);
    EXPECT_GT(counters.exposed_seconds, 0);
  });
}

TEST(GradientEngine, NamesParametersThatGetNoGradient) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {small_buckets(), 0, true});
    parallel.backward(net.first.sum() + net.bias.sum());

    const Error error = error_of([&] { parallel.finish(); });

    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_TRUE(contains(error.what(), "no gradient: second")) << error.what();
  });
}

TEST(GradientEngine, TellsWhichRanksGradientIsNotFinite) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    DataParallel parallel(net, communicator, {small_buckets(), 0, true});
    const bool bad = communicator.rank() == 1;

    parallel.backward(net.loss(0) * (bad ? std::numeric_limits<double>::infinity() : 1.0));
    parallel.finish();

    EXPECT_EQ(parallel.engine().was_finite(), !bad);
    EXPECT_FALSE(std::isfinite(parallel.engine().norm()));  // the sum is not, on all ranks
    parallel.zero_grad();
    EXPECT_TRUE(parallel.engine().was_finite());
  });
}

TEST(GradientEngine, KeepsRanksInStepWhenOneGivesItsStepUp) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(1);
    GradientEngine engine(parameters_of(net), communicator, small_buckets("reproducible"), {{0, 2}, {2, 4}});
    const auto work = [&](std::uint64_t first, std::uint64_t last) {
      for (std::uint64_t micro = first; micro < last; ++micro) {
        engine.begin_micro_batch(micro);
        (net.loss(micro) / 4).backward();
        engine.end_micro_batch(micro);
      }
    };
    const std::uint64_t own = communicator.rank() == 0 ? 0 : 2;
    work(own, communicator.rank() == 0 ? own : own + 2);  // rank 0 does nothing at all
    engine.finish();
    engine.zero();

    work(own, own + 2);
    engine.finish();

    const std::vector<at::Tensor> expected = reference_gradients(4);
    EXPECT_LT((net.first.grad() - expected[0]).abs().max().item<double>(), 1e-6);
  });
}

TEST(GradientEngine, RefusesRanksWithOtherParametersOrValues) {
  run_ranks(2, [](Communicator& communicator) {
    Net net(static_cast<std::uint64_t>(1 + communicator.rank()));
    const Error values = error_of([&] { DataParallel(net, communicator, {small_buckets(), 0, false}); });
    EXPECT_EQ(values.code(), ExitCode::peer);
    EXPECT_TRUE(contains(values.what(), "parameter first")) << values.what();

    torch::nn::Linear linear(torch::nn::LinearOptions(4, communicator.rank() == 0 ? 3 : 2).bias(false));
    const Error shapes = error_of([&] {
      GradientEngine(parameters_of(*linear), communicator, small_buckets(), {{0, 1}, {1, 2}});
    });
    EXPECT_EQ(shapes.code(), ExitCode::usage);
    EXPECT_TRUE(contains(shapes.what(), "expected weight Float [3, 4], found weight Float [2, 4]")) << shapes.what();
  });
}

}  // namespace
}  // namespace pathline::parallel
