#pragma once
// Notices that this rank has been waiting in one collective for too long, because a peer hangs, is lost or has entered
// another collective; says on every rank which collective was the last, and ends the job.
//
// A lane is one thread's sequence of collectives (the training thread's, the communication thread's), each with a
// number that counts up alike on all ranks. One small thread watches all lanes. Time is counted only while this process
// runs: a rank that was itself stopped (SIGSTOP, a suspended machine) has not been waiting for its peers.
// Thread-safety: a Lane is for one thread; report() is for any. Ownership: lanes belong to the watchdog.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pathline::parallel {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  class Lane {
   public:
    explicit Lane(std::string purpose) : purpose_(std::move(purpose)) {}
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// A collective begins. `operation` must be a literal; `detail` (bytes, a bucket's number) is shown with it.
    /// Returns its number. Several may be under way at once; they complete in order.
    std::uint64_t begin(const char* operation, std::uint64_t detail = 0) noexcept;
    /// The oldest one under way is done.
    void complete() noexcept;

   private:
    friend class Watchdog;
    struct Entry {
      std::atomic<std::uint64_t> number{0}, detail{0};
      std::atomic<const char*> operation{""};
      std::atomic<std::int64_t> since{0};
    };
    static constexpr std::uint64_t kRemembered = 64;  ///< more may be under way; their names are then forgotten

    const std::string purpose_;
    std::atomic<std::uint64_t> begun_{0}, completed_{0};
    Entry entries_[kRemembered];
    // Only the watching thread's:
    std::uint64_t watched_ = 0;
    std::chrono::duration<double> waited_{0};
  };

  /// A collective for the lifetime of the object.
  class Scope {
   public:
    Scope(Lane& lane, const char* operation, std::uint64_t detail = 0) : lane_(lane) { lane_.begin(operation, detail); }
    ~Scope() { lane_.complete(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Lane& lane_;
  };

  /// `on_stall` runs once, on the watchdog's own thread, with report() and what is waited for; normally it ends the
  /// job. `each_look`, if given, runs a few times per timeout on that thread. `timeout_seconds` <= 0: no thread, never
  /// calls.
  Watchdog(double timeout_seconds, std::function<void(const std::string&)> on_stall,
           std::function<void()> each_look = {});
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  Lane& add_lane(const std::string& purpose);
  /// One clause per lane: "training: last begun #41 all_reduce_sum, last completed #40 broadcast".
  std::string report() const;

 private:
  void watch();
  std::string stalled(Clock::time_point now, std::chrono::duration<double> since_last_look,
                      std::chrono::duration<double> longest);

  const std::chrono::duration<double> timeout_;
  const std::function<void(const std::string&)> on_stall_;
  const std::function<void()> each_look_;
  mutable std::mutex mutex_;  // lanes_, stop_
  std::deque<Lane> lanes_;    // never moved: threads hold references
  std::condition_variable stop_requested_;
  bool stop_ = false;
  std::thread thread_;  // last: starts when the rest is ready
};

}  // namespace pathline::parallel
