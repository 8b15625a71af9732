#include "core/background_task.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace pathline {
namespace {

constexpr int kLowestPriority = 19;

/// On Linux every thread has a niceness of its own, known by its thread id; a new one starts with that of its creator.
void lower_priority(int niceness) {
  const auto thread = static_cast<id_t>(::gettid());
  errno = 0;
  const int own = ::getpriority(PRIO_PROCESS, thread);  // -1 is a niceness, too
  if (niceness > 0 && errno == 0) ::setpriority(PRIO_PROCESS, thread, std::min(own + niceness, kLowestPriority));
}

}  // namespace

BackgroundTask::BackgroundTask(std::string name, int niceness)
    : thread_([this, name = std::move(name), niceness] { work(name, niceness); }) {}

BackgroundTask::~BackgroundTask() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundTask::start(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (job_) throw std::logic_error("BackgroundTask::start while a job is under way");
    job_ = std::move(job);
  }
  changed_.notify_all();
}

void BackgroundTask::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !job_; });
}

void BackgroundTask::rethrow_failure() {
  std::exception_ptr failure;
  {
    const std::lock_guard lock(mutex_);
    failure = std::exchange(failure_, nullptr);
  }
  if (failure) std::rethrow_exception(failure);
}

void BackgroundTask::work(const std::string& name, int niceness) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
  lower_priority(niceness);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || job_; });
    if (!job_) return;  // a job that was begun is ended first
    const std::function<void()> job = job_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      job();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure) failure_ = failure;
    job_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace pathline
