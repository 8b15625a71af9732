// One rank of a job over the NCCL backend, for tests under mpirun: does what training does with its gradient channel,
// and ends as `pathline` does. Usage: nccl_ranks SCENARIO TIMEOUT_SECONDS
//   sums     three kinds of collectives, compared with the same ones over MPI
//   steps    all-reduces for ever (ended by a fault)
//   throw    rank 1 throws in the third step
//   stop     rank 1 stops (SIGSTOP) in the third step
//   differ   rank 1 enters another collective in the third step

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "trainer/parallel/agreement.h"
#include "trainer/parallel/communicator.h"
#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/session.h"

namespace {

using namespace pathline;
using namespace pathline::parallel;

constexpr std::size_t kValues = 100000;

std::vector<Slice> slices_of(int ranks, bool even) {
  std::vector<Slice> slices;
  std::size_t at = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const auto share = even ? kValues / static_cast<std::size_t>(ranks) : (rank == 0 ? kValues / 3 : 0);
    const std::size_t count = !even && rank == ranks - 1 ? kValues - at : share;
    slices.push_back({at, count});
    at += count;
  }
  return slices;
}

std::vector<float> values_of(int rank, std::size_t step) {
  std::vector<float> values(kValues);
  for (std::size_t i = 0; i < kValues; ++i) {
    values[i] = static_cast<float>(static_cast<int>(i * 7 + step) % 101) / (1.0F + static_cast<float>(rank));
  }
  return values;
}

std::vector<float> run_step(GradientChannel& channel, std::size_t step) {
  std::vector<float> values = values_of(channel.rank(), step);
  const std::vector<Slice> slices = slices_of(channel.size(), step % 3 == 1);
  channel.mark_ready(step);
  if (step % 3 == 0) {
    channel.all_reduce_sum(step, values, Compression::none);
  } else {
    channel.reduce_to_owners(step, values, slices, Compression::none);
    channel.gather_from_owners(step, values, slices);
  }
  channel.order_after();
  return values;
}

void compare_sums(Communicator& communicator) {
  const auto nccl = communicator.gradient_channel();
  const auto host = make_host_channel(communicator.duplicate("reference"));
  for (std::size_t step = 0; step < 9; ++step) {
    if (run_step(*nccl, step) != run_step(*host, step)) throw std::runtime_error("sums differ from those over MPI");
  }
}

void disturb(const std::string& scenario, GradientChannel& channel, std::vector<float>& values) {
  if (scenario == "throw") throw std::runtime_error("rank 1 fails on its own");
  if (scenario == "stop") std::raise(SIGSTOP);
  if (scenario == "differ") channel.gather_from_owners(0, values, slices_of(channel.size(), true));
}

void run_steps(Communicator& communicator, const std::string& scenario) {
  std::vector<float> values(kValues, 1.0F);
  const auto channel = communicator.gradient_channel();
  for (int step = 1;; ++step) {
    channel->mark_ready(0);
    if (step == 3 && channel->rank() == 1) disturb(scenario, *channel, values);
    channel->all_reduce_sum(0, values, Compression::none);
    channel->order_after();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string scenario = argv[1];
  Session session(&argc, &argv);
  std::unique_ptr<Communicator> communicator;
  try {
    communicator = session.communicator("nccl", std::atof(argv[2]));
    setup_logging(communicator->rank(), communicator->size());
    if (scenario == "sums") {
      compare_sums(*communicator);
    } else {
      run_steps(*communicator, scenario);
    }
    return 0;
  } catch (const AgreedError& error) {
    std::fprintf(stderr, "agreed: %s\n", error.what());
    if (error.code() == ExitCode::peer && communicator) communicator->abort(static_cast<int>(error.code()));
    return static_cast<int>(error.code());
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    if (!communicator) return static_cast<int>(error.code());
    communicator->abort(static_cast<int>(error.code()));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    if (!communicator) return 1;
    communicator->abort(1);
  }
}
