#pragma once
// One thread that runs jobs in the order they are handed over: every collective on gradients is issued by it, so that
// all ranks issue them in one order while backward goes on elsewhere.
//
// submit() may be called from any thread (autograd's); wait() by the owner. A job that throws makes the following ones
// be dropped, until wait() has rethrown its exception: peers are then out of step anyway. Ownership: joins its thread
// when destroyed; jobs that have not begun are dropped.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace pathline::parallel {

class CommunicationThread {
 public:
  CommunicationThread();
  ~CommunicationThread();
  CommunicationThread(const CommunicationThread&) = delete;
  CommunicationThread& operator=(const CommunicationThread&) = delete;

  void submit(std::function<void()> job);
  /// Returns when all jobs are done. Throws what a job threw.
  void wait();
  /// Seconds spent in jobs since the last call. REQUIRES: no job is waiting or running.
  double take_busy_seconds();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool running_ = false, stop_ = false;
  std::exception_ptr failure_;
  double busy_seconds_ = 0;
  std::thread thread_;  // last: starts when the rest is ready
};

}  // namespace pathline::parallel
