#pragma once
// Work shared out over threads whose results come back in order: fetch one item after another, work on several at once,
// hand them over as if it had all been done in turn. Whatever the number of threads, the consumer sees the same items
// and the same first error.
//
// Ownership: owns its threads; borrows what the two functions refer to. next() is for one thread. At most `window`
// items exist at any time. Destroying it stops the threads after the item that each works on.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace pathline::data {

template <class Item>
class OrderedPipeline {
 public:
  /// `fetch` fills the next item, one call at a time, and returns false at the end; `work` runs in any thread.
  OrderedPipeline(std::function<bool(Item&)> fetch, std::function<void(Item&)> work, int threads, std::size_t window)
      : fetch_(std::move(fetch)), work_(std::move(work)), slots_(window) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  }
  ~OrderedPipeline() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
  }
  OrderedPipeline(const OrderedPipeline&) = delete;
  OrderedPipeline& operator=(const OrderedPipeline&) = delete;

  /// The next item in order; nothing after the last. Throws what fetch or work threw for it.
  std::optional<Item> next() {
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[taken_ % slots_.size()];
    changed_.wait(lock, [&] { return slot.ready || (ended_ && taken_ == fetched_); });
    if (!slot.ready) return std::nullopt;
    if (slot.error) std::rethrow_exception(slot.error);
    std::optional<Item> item(std::move(slot.item));
    slot = {};
    ++taken_;
    lock.unlock();
    changed_.notify_all();
    return item;
  }

 private:
  struct Slot {
    Item item;
    std::exception_ptr error;
    bool ready = false;
  };

  void run() {
    while (true) {
      Item item;
      std::exception_ptr error;
      std::uint64_t number = 0;
      {
        const std::lock_guard turn(fetching_);
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return stopping_ || ended_ || fetched_ < taken_ + slots_.size(); });
          if (stopping_ || ended_) return;
        }
        bool more = true;
        try {
          more = fetch_(item);
        } catch (...) {
          error = std::current_exception();
        }
        {
          const std::lock_guard lock(mutex_);
          if (!more || error) ended_ = true;
          if (more) number = fetched_++;
        }
        changed_.notify_all();
        if (!more) return;
      }
      if (!error) {
        try {
          work_(item);
        } catch (...) {
          error = std::current_exception();
        }
      }
      {
        const std::lock_guard lock(mutex_);
        slots_[number % slots_.size()] = {std::move(item), error, true};
      }
      changed_.notify_all();
    }
  }

  std::function<bool(Item&)> fetch_;
  std::function<void(Item&)> work_;
  std::mutex fetching_;  // held while fetch_ runs: items are numbered in the order it gives them
  std::mutex mutex_;     // guards everything below
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::uint64_t fetched_ = 0, taken_ = 0;
  bool ended_ = false, stopping_ = false;
  std::vector<std::jthread> threads_;  // last: they end before the rest goes
};

}  // namespace pathline::data
