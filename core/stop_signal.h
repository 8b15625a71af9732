#pragma once
// Requests to stop: SIGUSR1 (schedulers), SIGTERM, SIGINT (Ctrl-C) and SIGHUP (the terminal has gone) set a flag that
// long work looks at. A second SIGINT ends the process at once. A SIGHUP that was ignored when the process started
// stays ignored (nohup).
//
// Handlers are process-wide: the first object installs them, the last to go puts the old ones back. main() has one from
// its first lines on, for commands that stop in good order; an object made later shares its flag. Thread-safety: made
// and destroyed by one thread, asked by any.

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
};

/// The signals that ask for a stop.
sigset_t stop_signals() noexcept;

/// Throws Error(stopped) at `place` if a request has come while there is a StopSignal. For code that waits.
void throw_if_stop_requested(const std::string& place);

}  // namespace pathline
