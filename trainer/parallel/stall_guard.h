#pragma once
// Notices that this rank has been waiting in one operation for too long, because a peer hangs or has gone, and then
// calls back once.
//
// One small thread that sleeps while nothing is under way for long. enter()/leave() are for one thread; the callback
// runs on the guard's own thread and normally ends the job. Ownership: joins its thread when destroyed.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pathline::parallel {

class StallGuard {
 public:
  using Clock = std::chrono::steady_clock;

  /// `timeout_seconds` <= 0: no thread, never calls. `on_stall` gets a description: operation, its number, seconds
  /// waited.
  StallGuard(double timeout_seconds, std::function<void(const std::string&)> on_stall);
  ~StallGuard();
  StallGuard(const StallGuard&) = delete;
  StallGuard& operator=(const StallGuard&) = delete;

  /// Marks an operation for the lifetime of the object. `name` must outlive it (a literal).
  class Scope {
   public:
    Scope(StallGuard& guard, const char* name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StallGuard& guard_;
  };

 private:
  void watch();

  const std::chrono::duration<double> timeout_;
  const std::function<void(const std::string&)> on_stall_;
  std::atomic<std::int64_t> entered_{0};  // clock ticks; 0: idle
  std::atomic<const char*> name_{""};
  std::atomic<std::uint64_t> number_{0};
  std::mutex mutex_;
  std::condition_variable stop_requested_;
  bool stop_ = false;
  std::thread thread_;  // last: starts when the rest is ready
};

}  // namespace pathline::parallel
