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
  const auto pause = std::min(timeout_ / 4, std::chrono::duration<double>(1.0));
  std::unique_lock lock(mutex_);
  while (!stop_requested_.wait_for(lock, pause, [this] { return stop_; })) {
    const std::int64_t entered = entered_.load(std::memory_order_acquire);
    if (entered == 0) continue;
    const auto waited = Clock::now() - Clock::time_point(Clock::duration(entered));
    if (waited < timeout_) continue;
    const std::string what =
        fmt::format("waited {:.0f} s for the other ranks in {} (operation number {})",
                    std::chrono::duration<double>(waited).count(), name_.load(std::memory_order_relaxed),
                    number_.load(std::memory_order_relaxed));
    lock.unlock();  // the callback may take its time, and the destructor must not wait for a lock it holds
    on_stall_(what);
    return;
  }
}

}  // namespace pathline::parallel
