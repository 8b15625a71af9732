#pragma once
// Requests to stop: SIGUSR1 (schedulers), SIGTERM and SIGINT (Ctrl-C) set a flag that the training loop looks at
// between steps. A second SIGINT ends the process at once. Handlers are process-wide: one object at a time; the old
// ones return when it is destroyed.

#include <csignal>
#include <string>

namespace pathline {

class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const noexcept;
  /// Name of the signal that came, "" if none did.
  std::string name() const;

 private:
  struct sigaction previous_user1_, previous_terminate_, previous_interrupt_;
};

}  // namespace pathline
