#pragma once
// One line on stderr that says how far something has come: on a terminal it renews itself, elsewhere it comes again now
// and then as a log line. Thread-safety: one thread.

#include <chrono>
#include <string>

namespace pathline {

class ProgressLine {
 public:
  /// `enabled` false: shows nothing (ranks above 0). `pause`: between lines where stderr is no terminal.
  ProgressLine(bool enabled, std::chrono::seconds pause);
  ~ProgressLine() { end(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  bool on_terminal() const noexcept { return terminal_; }
  /// Whether it is time to show() something: at once, then often on a terminal and rarely elsewhere.
  bool due() const;
  void show(const std::string& text);
  /// Leaves the line as it is; what is written next starts on a line of its own.
  void end();
  /// Takes the line away from a terminal.
  void erase();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_, terminal_, open_ = false;
  Clock::time_point next_;
  Clock::duration pause_;
};

}  // namespace pathline
