#pragma once
// A communicator of the stand-in: the ranks' exchange, and how one collective runs.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <nccl.h>

#include "tests/standin/shared_exchange.h"

namespace standin {

enum class Kind : int { all_reduce, reduce, broadcast, reduce_scatter, all_gather };
constexpr const char* kNames[] = {"ncclAllReduce", "ncclReduce", "ncclBroadcast", "ncclReduceScatter", "ncclAllGather"};

/// What all ranks must agree on.
struct Signature {
  Kind kind;
  std::uint64_t number, count;
  ncclDataType_t type;
  int root;
  bool operator==(const Signature&) const = default;
  std::string text() const {
    return std::string(kNames[static_cast<int>(kind)]) + " #" + std::to_string(number) + " of " +
           std::to_string(count) + (root >= 0 ? " with root " + std::to_string(root) : "");
  }
};

struct Operation {
  Signature signature;
  const void* send;
  void* receive;
};

}  // namespace standin

/// Made by make_comm and never freed, so that calls after the end are noticed and not a crash.
struct ncclComm {
  enum class Life { alive, finalized, destroyed, aborted };

  ncclComm(std::string where, int r, int n) : place(std::move(where)), rank(r), size(n) {}

  const std::string place;
  const int rank, size;
  std::unique_ptr<standin::SharedExchange> exchange;
  std::atomic<Life> life{Life::alive};
  std::atomic<int> state{ncclInProgress};
  std::atomic<bool> cancelled{false};
  std::atomic<int> polls_left{0}, running{0};
  std::uint64_t issued = 0;
  std::thread background;  // init, then finalize
  std::mutex mutex;        // last_error, held_back
  std::string last_error;
  std::vector<std::function<void()>> held_back;  // until ncclInProgress has passed

  void fail(ncclResult_t result, const std::string& text) {
    {
      const std::lock_guard lock(mutex);
      if (last_error.empty()) last_error = text;
    }
    state = result;
  }
  void wait_until_cancelled() const {
    while (!cancelled) std::this_thread::sleep_for(std::chrono::microseconds(200));
    throw standin::Cancelled{};
  }
  void run(const standin::Operation& operation);
  void release_held_back() {
    std::vector<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(held_back);
    }
    for (const auto& push : now) push();
  }
};

namespace standin {

ncclComm* make_comm(const std::string& place, int rank, int size);

}  // namespace standin
