#include "core/stop_signal.h"

#include <array>
#include <atomic>

#include "core/error.h"

namespace pathline {
namespace {

// A handler can reach nothing but a global, and a lock-free atomic is what it may write whichever thread it runs on.
std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);
int users = 0;  // StopSignals that there are

struct Watched {
  int number;
  const char* name;
  struct sigaction before;
};
constinit std::array<Watched, 4> watched = {
    {{SIGUSR1, "SIGUSR1", {}}, {SIGTERM, "SIGTERM", {}}, {SIGINT, "SIGINT", {}}, {SIGHUP, "SIGHUP", {}}}};

extern "C" void note_signal(int number) {
  received_signal = number;
  // Whoever presses Ctrl-C again means it.
  if (number == SIGINT) std::signal(SIGINT, SIG_DFL);
}

std::string name_of(int number) {
  if (number == 0) return "";
  for (const Watched& signal : watched) {
    if (signal.number == number) return signal.name;
  }
  return "signal " + std::to_string(number);
}

}  // namespace

StopSignal::StopSignal() {
  if (users++ > 0) return;
  received_signal = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (Watched& signal : watched) {
    sigaction(signal.number, nullptr, &signal.before);
    const bool ignored = (signal.before.sa_flags & SA_SIGINFO) == 0 && signal.before.sa_handler == SIG_IGN;
    if (signal.number != SIGHUP || !ignored) sigaction(signal.number, &action, nullptr);
  }
}

StopSignal::~StopSignal() {
  if (--users > 0) return;
  for (const Watched& signal : watched) sigaction(signal.number, &signal.before, nullptr);
  received_signal = 0;
}

bool StopSignal::requested() const noexcept {
  return received_signal != 0;
}

std::string StopSignal::name() const {
  return name_of(received_signal);
}

sigset_t stop_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const Watched& signal : watched) sigaddset(&set, signal.number);
  return set;
}

void throw_if_stop_requested(const std::string& place) {
  const int number = received_signal;
  if (number != 0) throw Error(ExitCode::stopped, "stopped by " + name_of(number) + " while waiting for it", place);
}

}  // namespace pathline
