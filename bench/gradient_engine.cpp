// What data-parallel training costs beyond one process: steps of the same network on every rank, by turns
//   bare:     forward and backward, no engine, no communication (but all ranks at once);
//   blocking: gradients reduced after backward;
//   overlap:  gradients reduced while backward runs.
//   mpirun -n 2 --bind-to none build/bin/gradient_engine [rounds] [channels] [images] [first bucket MiB] [bucket MiB]
// (bucket 0: the engine's default). Prints medians over the rounds, in milliseconds, as rank 0 saw them.

#include "trainer/parallel/engine/gradient_engine.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/error.h"
#include "flow/networks/network.h"
#include "flow/networks/unet/unet_settings.h"
#include "trainer/parallel/communicator.h"
#include "trainer/parallel/engine/data_parallel.h"
#include "trainer/parallel/session.h"

namespace {

using namespace pathline;
using Clock = std::chrono::steady_clock;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// A network with or without an engine.
struct Trainee {
  Trainee(const flow::NetworkSettings& settings, parallel::Communicator& communicator,
          const parallel::EngineSettings* engine_settings)
      : network(flow::make_network(settings, 0)) {
    if (engine_settings == nullptr) return;
    std::vector<parallel::MicroRange> ranges;
    for (std::uint64_t rank = 0; rank < static_cast<std::uint64_t>(communicator.size()); ++rank)
      ranges.push_back({rank, rank + 1});
    engine = std::make_unique<parallel::GradientEngine>(parallel::trainable_parameters(*network), communicator,
                                                        *engine_settings, ranges);
  }

  /// Milliseconds of one step; counters of its communication.
  double step(const at::Tensor& x, const at::Tensor& times, std::uint64_t micro) {
    const auto start = Clock::now();
    if (engine) engine->begin_micro_batch(micro);
    network->forward(x, times, {}).square().mean().backward();
    if (engine) {
      engine->end_micro_batch(micro);
      counters = engine->finish();
    }
    const double milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    if (engine) {
      engine->zero();
      if (const auto next = engine->rebuilt_layout()) engine->rebuild_buckets(*next);
    } else {
      for (const at::Tensor& parameter : network->parameters()) parameter.grad().zero_();
    }
    return milliseconds;
  }

  std::shared_ptr<flow::VelocityNetwork> network;
  std::unique_ptr<parallel::GradientEngine> engine;
  parallel::CommunicationCounters counters;
};

int run(int argc, char** argv) {
  const auto number = [&](int index, double otherwise) { return argc > index ? std::atof(argv[index]) : otherwise; };
  const int rounds = static_cast<int>(number(1, 15));
  parallel::Session session(&argc, &argv);
  const auto communicator = session.communicator("auto", 120);
  at::set_num_threads(1);

  flow::UNetSettings options;
  options.channels = static_cast<std::int64_t>(number(2, 32));
  options.attention = {7};
  const flow::NetworkSettings settings = flow::unet_settings(options, SampleShape::picture(1, 28, 28));
  const auto images = static_cast<std::int64_t>(number(3, 32));
  parallel::EngineSettings during, after;
  during.first_bucket_bytes = after.first_bucket_bytes = static_cast<std::size_t>(number(4, 1) * 1048576);
  during.bucket_bytes = after.bucket_bytes = static_cast<std::size_t>(number(5, 0) * 1048576);
  after.overlap = false;

  Trainee bare(settings, *communicator, nullptr), blocking(settings, *communicator, &after),
      overlap(settings, *communicator, &during);
  const at::Tensor x = at::randn({images, 1, 28, 28}), times = at::rand({images});
  const auto micro = static_cast<std::uint64_t>(communicator->rank());
  struct Series {
    const char* name;
    Trainee& trainee;
    std::vector<double> step, busy, exposed;
  };
  Series all[] = {{"bare", bare, {}, {}, {}}, {"blocking", blocking, {}, {}, {}}, {"overlap", overlap, {}, {}, {}}};
  for (int round = -3; round < rounds; ++round) {  // three to warm up
    for (Series& series : all) {
      communicator->barrier();
      const double milliseconds = series.trainee.step(x, times, micro);
      if (round < 0) continue;
      series.step.push_back(milliseconds);
      series.busy.push_back(series.trainee.counters.seconds * 1e3);
      series.exposed.push_back(series.trainee.counters.exposed_seconds * 1e3);
    }
  }
  if (communicator->rank() != 0) return 0;
  std::printf("%d ranks (%s), %lld channels, %lld images per rank, %.2f MB of gradients in %zu buckets, %d rounds\n",
              communicator->size(), communicator->name().c_str(), static_cast<long long>(options.channels),
              static_cast<long long>(images), static_cast<double>(overlap.counters.bytes) / 1e6,
              overlap.engine->buckets().size(), rounds);
  std::printf("%-10s %12s %12s %12s %12s\n", "", "step ms", "of bare", "reducing ms", "exposed ms");
  for (Series& series : all) {
    std::printf("%-10s %12.2f %12.3f %12.2f %12.2f\n", series.name, median(series.step),
                median(series.step) / median(all[0].step), median(series.busy), median(series.exposed));
  }
  std::printf("hidden by overlap: %.0f %%\n", 100 * (1 - median(all[2].exposed) / median(all[1].exposed)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const pathline::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
