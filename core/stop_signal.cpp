#include "core/stop_signal.h"

#include <atomic>
#include <stdexcept>

namespace pathline {
namespace {

// A handler can reach nothing but a global, and a lock-free atomic is what it may write whichever thread it runs on.
std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);
bool installed = false;

extern "C" void note_signal(int number) {
  received_signal = number;
  // Whoever presses Ctrl-C again means it.
  if (number == SIGINT) std::signal(SIGINT, SIG_DFL);
}

}  // namespace

StopSignal::StopSignal() {
  if (installed) throw std::logic_error("only one StopSignal at a time");
  installed = true;
  received_signal = 0;
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, &previous_user1_);
  sigaction(SIGTERM, &action, &previous_terminate_);
  sigaction(SIGINT, &action, &previous_interrupt_);
}

StopSignal::~StopSignal() {
  sigaction(SIGUSR1, &previous_user1_, nullptr);
  sigaction(SIGTERM, &previous_terminate_, nullptr);
  sigaction(SIGINT, &previous_interrupt_, nullptr);
  installed = false;
}

bool StopSignal::requested() const noexcept {
  return received_signal != 0;
}

std::string StopSignal::name() const {
  switch (const int number = received_signal) {
    case 0:
      return "";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "signal " + std::to_string(number);
  }
}

}  // namespace pathline
