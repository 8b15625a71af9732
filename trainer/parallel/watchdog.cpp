#include "trainer/parallel/watchdog.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace pathline::parallel {

std::uint64_t Watchdog::Lane::begin(const char* operation, std::uint64_t detail) noexcept {
  const std::uint64_t number = begun_.load(std::memory_order_relaxed) + 1;
  Entry& entry = entries_[number % kRemembered];
  entry.operation.store(operation, std::memory_order_relaxed);
  entry.detail.store(detail, std::memory_order_relaxed);
  entry.since.store(Clock::now().time_since_epoch().count(), std::memory_order_relaxed);
  entry.number.store(number, std::memory_order_relaxed);
  begun_.store(number, std::memory_order_release);
  return number;
}

void Watchdog::Lane::complete() noexcept {
  completed_.fetch_add(1, std::memory_order_release);
}

Watchdog::Watchdog(double timeout_seconds, std::function<void(const std::string&)> on_stall,
                   std::function<void()> each_look)
    : timeout_(timeout_seconds), on_stall_(std::move(on_stall)), each_look_(std::move(each_look)) {
  if (timeout_seconds > 0) thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_requested_.notify_one();
  thread_.join();
}

Watchdog::Lane& Watchdog::add_lane(const std::string& purpose) {
  const std::lock_guard lock(mutex_);
  return lanes_.emplace_back(purpose);
}

std::string Watchdog::report() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Lane& lane : lanes_) {
    // Completed first: were it read after `begun`, a collective in between could seem done before it began.
    const std::uint64_t completed = lane.completed_.load(std::memory_order_acquire);
    const std::uint64_t begun = lane.begun_.load(std::memory_order_acquire);
    const auto shown = [&lane](std::uint64_t number) -> std::string {
      if (number == 0) return "none";
      const Lane::Entry& entry = lane.entries_[number % Lane::kRemembered];
      if (entry.number.load(std::memory_order_relaxed) != number) return fmt::format("#{}", number);
      const std::uint64_t detail = entry.detail.load(std::memory_order_relaxed);
      const char* operation = entry.operation.load(std::memory_order_relaxed);
      return detail == 0 ? fmt::format("#{} {}", number, operation)
                         : fmt::format("#{} {} ({})", number, operation, detail);
    };
    text += fmt::format("{}{}: last begun {}, last completed {}", text.empty() ? "" : "; ", lane.purpose_, shown(begun),
                        shown(completed));
  }
  return text;
}

std::string Watchdog::stalled(Clock::time_point now, std::chrono::duration<double> since_last_look,
                              std::chrono::duration<double> longest) {
  const std::lock_guard lock(mutex_);
  for (Lane& lane : lanes_) {
    const std::uint64_t oldest = lane.completed_.load(std::memory_order_acquire) + 1;
    if (oldest > lane.begun_.load(std::memory_order_acquire)) {
      lane.watched_ = 0;
      continue;
    }
    const Lane::Entry& entry = lane.entries_[oldest % Lane::kRemembered];
    if (oldest == lane.watched_) {
      lane.waited_ += std::min(since_last_look, longest);
    } else {
      lane.watched_ = oldest;
      const std::chrono::duration<double> age =
          now - Clock::time_point(Clock::duration(entry.since.load(std::memory_order_relaxed)));
      lane.waited_ = std::min(age, longest);
    }
    if (lane.waited_ >= timeout_) {
      return fmt::format("waited {:.0f} s for the other ranks in {} (collective #{} of {})", lane.waited_.count(),
                         entry.operation.load(std::memory_order_relaxed), oldest, lane.purpose_);
    }
  }
  return {};
}

void Watchdog::watch() {
  // Looking four times per timeout bounds the delay to 1.25 timeouts, and costs nothing. Time is counted from look to
  // look, and a look that comes late counts as two pauses at most: then this process was itself stopped.
  const auto pause = std::min(timeout_ / 4, std::chrono::duration<double>(0.5));
  const std::chrono::duration<double> longest = 2 * pause;
  Clock::time_point last_look = Clock::now();
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (stop_requested_.wait_for(lock, pause, [this] { return stop_; })) return;
    }
    const Clock::time_point now = Clock::now();
    const std::string what = stalled(now, now - last_look, longest);
    last_look = now;
    if (!what.empty()) {
      on_stall_(fmt::format("{}. {}", what, report()));
      return;
    }
    if (each_look_) each_look_();
  }
}

}  // namespace pathline::parallel
