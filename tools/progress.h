#pragma once
// Progress of a long command on stderr: a bar that redraws itself on a terminal, a plain line every few seconds
// otherwise. Owner: the subcommand. Thread-safety: one thread.

#include <chrono>
#include <string>

namespace pathline::tools {

class Progress {
 public:
  /// `silent`: print nothing (ranks above 0).
  Progress(std::string title, bool silent);
  ~Progress();  ///< ends the bar's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Finished fraction in [0, 1] and a word on what is being done.
  void update(double fraction, const std::string& detail = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  bool silent_, terminal_, drawn_ = false;
  Clock::time_point start_, last_;
};

}  // namespace pathline::tools
