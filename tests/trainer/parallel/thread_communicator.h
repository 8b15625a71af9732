#pragma once
// Ranks as threads of one process: the Communicator of tests that need several ranks without MPI. Buffers are exchanged
// through pointers between two barriers; sums are made in rank order. A rank that throws outside the agreed places is
// not survived (nor is it under MPI).

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "trainer/parallel/communicator.h"

namespace pathline::test {

/// As std::barrier, of a mutex and a condition: the thread sanitizer does not see through libstdc++'s own.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void arrive_and_wait() {
    std::unique_lock lock(mutex_);
    if (++arrived_ == threads_) {
      arrived_ = 0;
      ++phase_;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [this, phase = phase_] { return phase_ != phase; });
    }
  }

 private:
  const int threads_;
  int arrived_ = 0;
  std::uint64_t phase_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

class ThreadCommunicator final : public parallel::Communicator {
 public:
  struct Shared {
    explicit Shared(int ranks) : size(ranks), slots(static_cast<std::size_t>(ranks)), barrier(ranks) {}
    int size;
    std::vector<const void*> slots;
    Barrier barrier;
    std::vector<std::unique_ptr<Shared>> children;  // of duplicate()
  };

  ThreadCommunicator(Shared& shared, int rank) : shared_(shared), rank_(rank) {}
  std::string name() const override { return "threads"; }
  int rank() const override { return rank_; }
  int size() const override { return shared_.size; }
  int local_rank() const override { return rank_; }
  int local_size() const override { return shared_.size; }

  void all_reduce_sum(std::span<float> values) override {
    reduce(values, [](auto a, auto b) { return a + b; });
  }
  void all_reduce_sum(std::span<double> values) override {
    reduce(values, [](auto a, auto b) { return a + b; });
  }
  void all_reduce_max(std::span<double> values) override {
    reduce(values, [](auto a, auto b) { return std::max(a, b); });
  }
  void broadcast(void* data, std::size_t bytes, int root) override {
    publish(data);
    if (rank_ != root && bytes > 0) std::memcpy(data, shared_.slots[static_cast<std::size_t>(root)], bytes);
    barrier();
  }
  std::vector<std::string> all_gather(const std::string& text) override {
    publish(&text);
    std::vector<std::string> all;
    for (const void* slot : shared_.slots) all.push_back(*static_cast<const std::string*>(slot));
    barrier();
    return all;
  }
  std::vector<std::string> gather(const std::string& bytes, int root) override {
    auto all = all_gather(bytes);
    return rank_ == root ? all : std::vector<std::string>{};
  }
  void send(const void*, std::size_t, int) override { throw std::logic_error("not needed in tests"); }
  void receive(void*, std::size_t, int) override { throw std::logic_error("not needed in tests"); }
  void all_to_all(std::span<const std::span<const std::byte>> to_each,
                  std::span<const std::span<std::byte>> from_each) override {
    publish(&to_each);
    for (std::size_t peer = 0; peer < shared_.slots.size(); ++peer) {
      const auto& theirs = *static_cast<const std::span<const std::span<const std::byte>>*>(shared_.slots[peer]);
      const auto part = theirs[static_cast<std::size_t>(rank_)];
      if (part.size() != from_each[peer].size()) std::abort();  // under MPI: a truncated message
      // Onto itself: others may be reading it.
      if (part.data() != from_each[peer].data()) std::copy(part.begin(), part.end(), from_each[peer].begin());
    }
    barrier();
  }
  void barrier() override { shared_.barrier.arrive_and_wait(); }
  std::unique_ptr<Communicator> duplicate(const std::string&) override {
    if (rank_ == 0) shared_.children.push_back(std::make_unique<Shared>(size()));
    barrier();
    auto child = std::make_unique<ThreadCommunicator>(*shared_.children.back(), rank_);
    barrier();
    return child;
  }
  [[noreturn]] void abort(int) override { std::abort(); }

 private:
  void publish(const void* data) {
    shared_.slots[static_cast<std::size_t>(rank_)] = data;
    barrier();
  }
  template <typename T, typename Op>
  void reduce(std::span<T> values, Op op) {
    publish(values.data());
    std::vector<T> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      result[i] = static_cast<const T*>(shared_.slots[0])[i];
      for (std::size_t r = 1; r < shared_.slots.size(); ++r)
        result[i] = op(result[i], static_cast<const T*>(shared_.slots[r])[i]);
    }
    barrier();
    std::copy(result.begin(), result.end(), values.begin());
    barrier();  // a later publish() of the same buffer must not be read half-copied
  }

  Shared& shared_;
  int rank_;
};

/// Runs `work` once per rank, each in its own thread; afterwards throws what rank 0 threw, or else the lowest rank that
/// threw.
inline void run_ranks(int ranks, const std::function<void(parallel::Communicator&)>& work) {
  ThreadCommunicator::Shared shared(ranks);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(ranks));
  {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < ranks; ++rank) {
      threads.emplace_back([&, rank] {
        ThreadCommunicator communicator(shared, rank);
        try {
          work(communicator);
        } catch (...) {
          failures[static_cast<std::size_t>(rank)] = std::current_exception();
        }
      });
    }
  }
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace pathline::test
