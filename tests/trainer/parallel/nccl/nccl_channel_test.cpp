// The NCCL gradient channel over the stand-in: what it computes, in what order, and how it ends.

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/nccl/standin_library.h"
#include "trainer/parallel/engine/bfloat16.h"
#include "trainer/parallel/engine/gradient_channel.h"

namespace pathline::parallel {
namespace {

using test::ComputeStream;
using test::contains;
using test::error_of;
using test::run_nccl_ranks;
using test::StandIn;

constexpr std::size_t kValues = 1200;

std::vector<float> values_of(int rank, std::uint64_t draw = 0) {
  RandomStream stream(3, Purpose::noise, draw, static_cast<std::uint64_t>(rank));
  std::vector<float> values(kValues);
  stream.fill_normal(std::span<float>(values));
  return values;
}

std::vector<Slice> even_slices(int ranks) {
  const std::size_t each = kValues / static_cast<std::size_t>(ranks);
  std::vector<Slice> slices;
  for (std::size_t r = 0; r < static_cast<std::size_t>(ranks); ++r) slices.push_back({r * each, each});
  return slices;
}

/// Not in the order of the ranks, one of them empty.
std::vector<Slice> uneven_slices(int ranks) {
  std::vector<Slice> slices(static_cast<std::size_t>(ranks), Slice{kValues, 0});
  slices[0] = {700, kValues - 700};
  slices.back() = {0, 700};
  return slices;
}

/// What three kinds of collectives make of every rank's values, one after the other.
std::vector<std::vector<float>> results_over(GradientChannel& channel) {
  std::vector<std::vector<float>> results;
  std::size_t slot = 0;
  const auto finish = [&](std::vector<float>& values) {
    channel.order_after();
    results.push_back(values);
  };
  std::vector<float> values = values_of(channel.rank());
  channel.mark_ready(slot);
  channel.all_reduce_sum(slot, values, Compression::none);
  finish(values);
  for (const auto& slices : {even_slices(channel.size()), uneven_slices(channel.size())}) {
    ++slot;
    values = values_of(channel.rank(), slot);
    channel.mark_ready(slot);
    channel.reduce_to_owners(slot, values, slices, Compression::none);
    channel.order_after();
    const Slice own = slices[static_cast<std::size_t>(channel.rank())];
    results.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(own.offset),
                         values.begin() + static_cast<std::ptrdiff_t>(own.offset + own.count));
    channel.mark_ready(slot);
    channel.gather_from_owners(slot, values, slices);
    finish(values);
  }
  return results;
}

void expect_clean(const StandIn& standin) {
  EXPECT_EQ(standin.report().find("leaked"), std::string::npos) << standin.report();
  EXPECT_EQ(standin.report().find("misuse"), std::string::npos) << standin.report();
}

TEST(NcclChannel, ComputesWhatTheHostChannelDoes) {
  for (const char* options : {"", "delay_us=400", "in_progress=3", "in_progress=2 delay_us=400"}) {
    const StandIn standin(options);
    for (const int ranks : {1, 2, 3}) {
      std::mutex mutex;
      std::map<int, std::vector<std::vector<float>>> expected;
      test::run_ranks(ranks, [&](Communicator& communicator) {
        const auto results = results_over(*communicator.gradient_channel());
        const std::lock_guard lock(mutex);
        expected[communicator.rank()] = results;
      });

      run_nccl_ranks(ranks, 0, [&](Communicator& communicator) {
        const auto channel = communicator.gradient_channel();
        const auto results = results_over(*channel);
        const std::lock_guard lock(mutex);
        EXPECT_EQ(results, expected[communicator.rank()]) << options << ", " << ranks << " ranks";
      });
    }
    expect_clean(standin);
  }
}

TEST(NcclChannel, UsesTheFusedOperationsForEvenSlicesAndGroupsForOthers) {
  const StandIn standin;

  run_nccl_ranks(2, 0, [&](Communicator& communicator) { results_over(*communicator.gradient_channel()); });

  const std::string report = standin.report();
  EXPECT_TRUE(contains(report, "ncclReduceScatter"));
  EXPECT_TRUE(contains(report, "ncclAllGather"));
  EXPECT_TRUE(contains(report, "ncclGroupStart\nncclReduce\n"));
  EXPECT_TRUE(contains(report, "ncclBroadcast"));
}

TEST(NcclChannel, ComesAfterTheComputationBeforeItAndBeforeTheOneAfterIt) {
  const StandIn standin("delay_us=2000");
  std::vector<float> expected(kValues, 3.0F);  // 1 of rank 0, 2 of rank 1

  std::vector<std::unique_ptr<ComputeStream>> streams;
  for (int rank = 0; rank < 2; ++rank) streams.push_back(std::make_unique<ComputeStream>(standin));
  const auto hooks = [&](int rank) {
    DeviceHooks hooks;
    hooks.current_stream = [&streams, rank] { return streams[static_cast<std::size_t>(rank)]->get(); };
    return hooks;
  };
  run_nccl_ranks(
      2, 0,
      [&](Communicator& communicator) {
        const ComputeStream& stream = *streams[static_cast<std::size_t>(communicator.rank())];
        const auto channel = communicator.gradient_channel();
        constexpr std::size_t buckets = 8;
        std::vector<std::vector<float>> gradients(buckets, std::vector<float>(kValues));
        std::vector<std::vector<float>> seen(buckets);
        for (int step = 0; step < 3; ++step) {
          for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
            stream.launch([&gradients, bucket, rank = communicator.rank()] {
              std::fill(gradients[bucket].begin(), gradients[bucket].end(), static_cast<float>(rank + 1));
            });
            channel->mark_ready(bucket);
            channel->all_reduce_sum(bucket, gradients[bucket], Compression::none);
          }
          channel->order_after();
          stream.launch([&] { seen = gradients; });
        }
        stream.wait();

        for (const auto& gradient : seen) EXPECT_EQ(gradient, expected);
      },
      hooks);
  streams.clear();

  expect_clean(standin);
}

TEST(NcclChannel, DoesNotMakeTheHostWait) {
  const StandIn standin;
  const ComputeStream stream(standin);
  DeviceHooks hooks;
  hooks.current_stream = [&stream] { return stream.get(); };
  std::vector<float> values(kValues, 1.0F);
  const auto communicator = make_nccl_communicator(make_self_communicator(), 0, hooks);
  const auto channel = communicator->gradient_channel();
  std::atomic<bool> released{false};
  stream.launch([&] {
    while (!released) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });

  channel->mark_ready(0);
  channel->all_reduce_sum(0, values, Compression::none);
  channel->order_after();
  released = true;  // only now: had one of the calls waited, it would have done so for ever

  stream.wait();
  EXPECT_EQ(values[0], 1.0F);
}

TEST(NcclChannel, RoundsToBfloat16OnTheWireWithTheConversionsItIsGiven) {
  const StandIn standin("delay_us=300");
  std::vector<std::vector<std::uint16_t>> halves(2);
  const auto hooks = [&](int rank) {
    DeviceHooks hooks;
    auto& mine = halves[static_cast<std::size_t>(rank)];
    hooks.round_to_bfloat16 = [&standin, &mine](std::span<const float> values, void* stream) {
      mine.resize(kValues);
      ComputeStream::launch(standin, stream, [&mine, values] { round_to_bfloat16(values, mine); });
      return mine.data();
    };
    hooks.widen = [&standin](const std::uint16_t* from, std::span<float> values, void* stream) {
      ComputeStream::launch(standin, stream, [from, values] { widen({from, values.size()}, values); });
    };
    return hooks;
  };

  run_nccl_ranks(
      2, 0,
      [&](Communicator& communicator) {
        const auto channel = communicator.gradient_channel();
        std::vector<float> values = values_of(communicator.rank());
        channel->mark_ready(0);
        channel->all_reduce_sum(0, values, Compression::bf16);
        channel->order_after();

        const std::vector<float> first = values_of(0), second = values_of(1);
        for (std::size_t i = 0; i < kValues; ++i) {
          const float exact = from_bfloat16(to_bfloat16(first[i])) + from_bfloat16(to_bfloat16(second[i]));
          ASSERT_EQ(values[i], from_bfloat16(to_bfloat16(exact))) << i;
        }
      },
      hooks);
}

TEST(NcclChannel, RefusesBfloat16WithoutConversionsAndHostMemory) {
  const StandIn standin;
  const auto communicator = make_nccl_communicator(make_self_communicator(), 0, {});
  const auto channel = communicator->gradient_channel();
  std::vector<float> values(kValues);
  channel->mark_ready(0);

  const Error rounded = error_of([&] { channel->all_reduce_sum(0, values, Compression::bf16); });
  standin.function<void(const char*)>("standin_configure")("memory=host");
  channel->mark_ready(1);
  const Error host = error_of([&] { channel->all_reduce_sum(1, values, Compression::none); });

  EXPECT_EQ(rounded.code(), ExitCode::usage);
  EXPECT_TRUE(contains(rounded.what(), "bf16"));
  EXPECT_EQ(host.code(), ExitCode::usage);
  EXPECT_TRUE(contains(host.what(), "host memory"));
}

TEST(NcclChannel, EndsInTheDocumentedOrder) {
  const StandIn standin;
  {
    std::vector<float> values(kValues);
    const auto communicator = make_nccl_communicator(make_self_communicator(), 0, {});
    const auto channel = communicator->gradient_channel();
    channel->mark_ready(0);
    channel->all_reduce_sum(0, values, Compression::none);
  }

  std::vector<std::string> ends;
  std::istringstream report(standin.report());
  for (std::string call; std::getline(report, call);) {
    const bool wanted = call == "ncclCommFinalize" || call == "ncclCommDestroy" || call == "ncclCommAbort" ||
                        call == "cudaEventDestroy" || call == "cudaStreamDestroy" || call == "ncclAllReduce";
    if (wanted && (ends.empty() || ends.back() != call)) ends.push_back(call);
  }
  const std::vector<std::string> expected = {"ncclAllReduce", "ncclCommFinalize", "ncclCommDestroy", "cudaEventDestroy",
                                             "cudaStreamDestroy"};
  EXPECT_EQ(ends, expected) << standin.report();
  expect_clean(standin);
}

/// Issues collectives until one throws, for at most some seconds. Without order_after(): on the stand-in's default
/// stream it waits on the host.
/// `values` must outlive the channel.
Error first_error(GradientChannel& channel, std::vector<float>& values) {
  for (int i = 0; i < 500; ++i) {
    try {
      channel.mark_ready(0);
      channel.all_reduce_sum(0, values, Compression::none);
    } catch (const Error& error) {
      return error;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "no call failed";
  return {ExitCode::ok, ""};
}

struct GivenUp {};

/// Two ranks: `broken` issues until it sees an error, which is returned; the other one gives up soon.
Error error_of_rank(int broken, const std::string& options, double timeout = 60) {
  Error found{ExitCode::ok, ""};
  const auto begin = std::chrono::steady_clock::now();
  const StandIn standin(options);
  try {
    run_nccl_ranks(2, timeout, [&](Communicator& communicator) {
      std::vector<std::vector<float>> values(8, std::vector<float>(kValues));
      const auto channel = communicator.gradient_channel();
      if (communicator.rank() == broken) {
        found = first_error(*channel, values[0]);
        // An order that cannot be had any more is refused too.
        EXPECT_EQ(error_of([&] { channel->order_after(); }).code(), ExitCode::peer);
        throw found;
      }
      for (std::size_t i = 0; i < values.size(); ++i) {
        channel->mark_ready(i);
        channel->all_reduce_sum(i, values[i], Compression::none);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      throw GivenUp{};
    });
  } catch (const GivenUp&) {
  } catch (const Error&) {
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
  expect_clean(standin);
  return found;
}

TEST(NcclChannel, AnAsynchronousErrorAbortsAndIsThrownByTheNextCallNamingRankAndCollective) {
  const Error error = error_of_rank(1, "async_error=3@1");

  EXPECT_EQ(error.code(), ExitCode::peer);
  EXPECT_TRUE(contains(error.what(), "rank 1 of 2"));
  EXPECT_TRUE(contains(error.what(), "collective #3"));
  EXPECT_TRUE(contains(error.what(), "all_reduce_sum of 1200 values"));
  EXPECT_TRUE(contains(error.what(), "connection reset"));
}

TEST(NcclChannel, AnErrorOfACallIsThrownByThatCall) {
  const Error error = error_of_rank(0, "fail=ncclAllReduce:2:3@0");

  EXPECT_EQ(error.code(), ExitCode::peer);
  EXPECT_TRUE(contains(error.what(), "rank 0 of 2"));
  EXPECT_TRUE(contains(error.what(), "collective #2"));
  EXPECT_TRUE(contains(error.what(), "internal error"));
}

TEST(NcclChannel, AnErrorOfTheDeviceIsNoticed) {
  const Error error = error_of_rank(0, "device_error=2@0");

  EXPECT_EQ(error.code(), ExitCode::peer);
  EXPECT_TRUE(contains(error.what(), "stand-in device error"));
}

TEST(NcclChannel, AnAbortThatNeverReturnsIsLeftBehind) {
  const StandIn standin("async_error=1 abort=hang");
  const auto begin = std::chrono::steady_clock::now();
  static std::vector<float> values(kValues);  // never freed: without an abort nobody knows who still writes to it
  {
    const auto communicator = make_nccl_communicator(make_self_communicator(), 1, {});
    const auto channel = communicator->gradient_channel();

    const Error error = first_error(*channel, values);

    EXPECT_EQ(error.code(), ExitCode::peer);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(6));
}

TEST(NcclChannel, AFinalizationThatIsNeverDoneEndsInAnAbort) {
  const StandIn standin("finalize=hang");
  const auto begin = std::chrono::steady_clock::now();

  {
    const auto communicator = make_nccl_communicator(make_self_communicator(), 0.5, {});
    const auto channel = communicator->gradient_channel();
  }

  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_TRUE(contains(standin.report(), "ncclCommAbort"));
  expect_clean(standin);
}

TEST(NcclChannel, AbortsWhileAnExceptionPasses) {
  const StandIn standin("hang=1@1");

  EXPECT_THROW(run_nccl_ranks(2, 0,
                              [](Communicator& communicator) {
                                std::vector<float> values(kValues);
                                const auto channel = communicator.gradient_channel();
                                channel->mark_ready(0);
                                channel->all_reduce_sum(0, values, Compression::none);
                                throw GivenUp{};
                              }),
               GivenUp);

  EXPECT_TRUE(contains(standin.report(), "ncclCommAbort"));
  EXPECT_EQ(standin.report().find("ncclCommFinalize"), std::string::npos);
  expect_clean(standin);
}

TEST(NcclChannel, RanksInDifferentCollectivesAreToldApart) {
  const StandIn standin;
  Error found{ExitCode::ok, ""};

  EXPECT_THROW(run_nccl_ranks(2, 0,
                              [&](Communicator& communicator) {
                                std::vector<float> values(kValues);
                                const auto channel = communicator.gradient_channel();
                                channel->mark_ready(0);
                                if (communicator.rank() == 1) {
                                  channel->gather_from_owners(0, values, even_slices(2));
                                } else {
                                  found = first_error(*channel, values);
                                }
                                throw GivenUp{};
                              }),
               GivenUp);

  EXPECT_EQ(found.code(), ExitCode::peer);
  EXPECT_TRUE(contains(found.what(), "rank 0 is in ncclAllReduce #1 of 1200, rank 1 in ncclAllGather #1"));
  expect_clean(standin);
}

}  // namespace
}  // namespace pathline::parallel
