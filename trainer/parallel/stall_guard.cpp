#include "trainer/parallel/stall_guard.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace pathline::parallel {

StallGuard::StallGuard(double timeout_seconds, std::function<void(const std::string&)> on_stall)
    : timeout_(timeout_seconds), on_stall_(std::move(on_stall)) {
  if (timeout_seconds > 0) thread_ = std::thread([this] { watch(); });
}

StallGuard::~StallGuard() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_requested_.notify_one();
  thread_.join();
}

StallGuard::Scope::Scope(StallGuard& guard, const char* name) : guard_(guard) {
  guard_.name_.store(name, std::memory_order_relaxed);
  guard_.number_.fetch_add(1, std::memory_order_relaxed);
  guard_.entered_.store(Clock::now().time_since_epoch().count(), std::memory_order_release);
}

StallGuard::Scope::~Scope() {
  guard_.entered_.store(0, std::memory_order_release);
}

void StallGuard::watch() {
  // Looking four times per timeout bounds the delay to 1.25 timeouts, and costs nothing.
  // Time is counted from look to look, and a look that comes late counts as two pauses at most: a process that was
  // itself stopped (SIGSTOP, a suspended machine) has not been waiting for its peers, they have been waiting for it.
  const auto pause = std::min(timeout_ / 4, std::chrono::duration<double>(1.0));
  const std::chrono::duration<double> longest = 2 * pause;
  std::chrono::duration<double> waited{0};
  std::uint64_t watched = 0;  // number of the operation that `waited` belongs to
  Clock::time_point last_look = Clock::now();
  std::unique_lock lock(mutex_);
  while (!stop_requested_.wait_for(lock, pause, [this] { return stop_; })) {
    const Clock::time_point now = Clock::now();
    const std::chrono::duration<double> since_last_look = now - last_look;
    last_look = now;
    const std::int64_t entered = entered_.load(std::memory_order_acquire);
    if (entered == 0) continue;
    const std::uint64_t number = number_.load(std::memory_order_relaxed);
    if (number == watched) {
      waited += std::min(since_last_look, longest);
    } else {
      watched = number;
      waited = std::min<std::chrono::duration<double>>(now - Clock::time_point(Clock::duration(entered)), longest);
    }
    if (waited < timeout_) continue;
    const std::string what = fmt::format("waited {:.0f} s for the other ranks in {} (operation number {})",
                                         waited.count(), name_.load(std::memory_order_relaxed), number);
    lock.unlock();  // the callback may take its time, and the destructor must not wait for a lock it holds
    on_stall_(what);
    return;
  }
}

}  // namespace pathline::parallel
