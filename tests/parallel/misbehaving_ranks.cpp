// Ranks that go wrong in a chosen way, for tests/tools/watchdog.sh: what the others then say and how the job ends.
//   mpirun -n 2 misbehaving_ranks different|late|channel
// different: rank 1 enters another collective than rank 0. late: rank 1 never comes. channel: rank 1 never reduces its
// gradients.

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "trainer/parallel/communicator.h"
#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/session.h"

int main(int argc, char** argv) {
  using namespace pathline;
  const std::string way = argc > 1 ? argv[1] : "";
  try {
    parallel::Session session(&argc, &argv);
    const auto communicator = session.communicator("mpi", /*timeout_seconds=*/2);
    const auto channel = communicator->gradient_channel();
    communicator->barrier();
    const bool wrong = communicator->rank() == 1;
    std::vector<double> numbers(8, 1.0);
    std::vector<float> gradients(1000, 1.0F);
    if (way == "different" && wrong) {
      communicator->broadcast(numbers.data(), 64, 0);
      communicator->barrier();
    } else if (way == "late" && wrong) {
      std::this_thread::sleep_for(std::chrono::seconds(60));
    } else if (way == "channel" && wrong) {
      communicator->all_reduce_sum(std::span<double>(numbers));
    } else if (way == "channel") {
      channel->all_reduce_sum(0, gradients, parallel::Compression::none);
    } else {
      communicator->all_reduce_sum(std::span<double>(numbers));
      communicator->all_reduce_sum(std::span<double>(numbers));
    }
    std::puts("came through");
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(error.code());
  }
}
