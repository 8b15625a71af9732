#pragma once
// Progress of a long command on stderr: a bar that redraws itself on a terminal, a line every few seconds otherwise.
// Owner: the subcommand. Thread-safety: one thread.

#include <string>

#include "core/progress_line.h"
#include "core/stopwatch.h"

namespace pathline::tools {

class Progress {
 public:
  /// `silent`: print nothing (ranks above 0).
  Progress(std::string title, bool silent);
  ~Progress() { line_.erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Finished fraction in [0, 1] and a word on what is being done.
  void update(double fraction, const std::string& detail = {});

 private:
  std::string title_;
  ProgressLine line_;
  const Stopwatch clock_;
};

}  // namespace pathline::tools
