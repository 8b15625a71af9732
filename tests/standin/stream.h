#pragma once
// The stand-in's streams and events. A stream is a thread with a queue; an event is a counter that such a thread moves.

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tests/standin/world.h"

namespace standin {

struct EventState {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t recorded = 0, done = 0;

  void finish(std::uint64_t number) {
    {
      const std::lock_guard lock(mutex);
      done = std::max(done, number);
    }
    changed.notify_all();
  }
  void wait(std::uint64_t number) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done >= number; });
  }
};

}  // namespace standin

/// Destroying a stream lets what is queued run to its end and does not wait for it, as CUDA does.
struct CUstream_st {
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> operations;
    bool closed = false, busy = false;
    int being_enqueued = 0;  // groups of NCCL that are still "in progress"
  };
  std::shared_ptr<Queue> queue = std::make_shared<Queue>();

  CUstream_st() {
    std::thread([queue = queue] {
      std::unique_lock lock(queue->mutex);
      while (true) {
        queue->changed.wait(lock, [&] { return queue->closed || !queue->operations.empty(); });
        if (queue->operations.empty()) return;
        const auto operation = std::move(queue->operations.front());
        queue->operations.pop_front();
        queue->busy = true;
        lock.unlock();
        std::this_thread::sleep_for(standin::world().random_delay());
        operation();
        lock.lock();
        queue->busy = false;
        queue->changed.notify_all();
      }
    }).detach();
  }
  ~CUstream_st() {
    {
      const std::lock_guard lock(queue->mutex);
      queue->closed = true;
    }
    queue->changed.notify_all();
  }
  void push(std::function<void()> operation) {
    {
      const std::lock_guard lock(queue->mutex);
      queue->operations.push_back(std::move(operation));
    }
    queue->changed.notify_all();
  }
  bool empty() {
    const std::lock_guard lock(queue->mutex);
    return queue->operations.empty() && !queue->busy;
  }
  void touch(const char* function) {
    const std::lock_guard lock(queue->mutex);
    if (queue->being_enqueued > 0) {
      standin::world().misuse(std::string(function) + " on a stream before ncclInProgress had passed");
    }
  }
};

struct CUevent_st {
  std::shared_ptr<standin::EventState> state = std::make_shared<standin::EventState>();
};
