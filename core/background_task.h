#pragma once
// One thread that does one job at a time, at a low priority if wanted, and keeps the exception of a job that failed for
// whoever asks next.
//
// Ownership: joins its thread when destroyed, after the job under way. Thread-safety: all functions are for the one
// thread that owns it.

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pathline {

class BackgroundTask {
 public:
  /// `name`: of the thread, as `top -H` shows it (15 characters). `niceness`: added to the thread's own (0 to 19); a
  /// system that refuses is not an error.
  explicit BackgroundTask(std::string name, int niceness = 0);
  ~BackgroundTask();
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;

  /// Begins a job. REQUIRES: the one before has ended (wait()); std::logic_error otherwise.
  void start(std::function<void()> job);
  /// Returns when no job is under way.
  void wait();
  /// Throws what a job has thrown, once; does not wait.
  void rethrow_failure();

 private:
  void work(const std::string& name, int niceness);

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::function<void()> job_;  // empty: idle
  std::exception_ptr failure_;
  bool stop_ = false;
  std::thread thread_;  // last: starts when the rest is ready
};

}  // namespace pathline
