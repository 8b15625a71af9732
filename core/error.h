#pragma once
// Errors that a user can act on: what went wrong, where, and what to do; each carries the exit code the command ends
// with.
//
// Throw an Error wherever user input, a file, a peer process or a number is at fault. A std::logic_error (or an
// assertion) is for programming mistakes only. Thread-safety: plain values.

#include <stdexcept>
#include <string>
#include <string_view>

namespace pathline {

/// Documented exit codes of the `pathline` command.
enum class ExitCode : int {
  ok = 0,
  usage = 2,        ///< wrong usage or configuration
  bad_input = 3,    ///< corrupt or foreign file, unsuitable plugin
  file_system = 4,  ///< disk full, permission denied, missing folder
  numerical = 5,    ///< non-finite loss, solver stopped early
  peer = 6,         ///< lost or stalled peer rank
  stopped = 75,     ///< stopped on request; the same command resumes
};

class Error : public std::runtime_error {
 public:
  /// `message`: what happened, with expected and found. `place`: file, file:line, key or object. `hint`: what to do
  /// next.
  Error(ExitCode code, const std::string& message, std::string place = {}, std::string hint = {});

  ExitCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const std::string& place() const noexcept { return place_; }
  const std::string& hint() const noexcept { return hint_; }

 private:  // what() is "place: message\n  hint: ..." (parts that are empty are left out)
  ExitCode code_;
  std::string message_, place_, hint_;
};

/// Error for a failed system call: adds strerror(errno_value); common ones (ENOSPC, EROFS, EACCES, ...) get a fitting
/// hint.
Error system_error(int errno_value, const std::string& message, const std::string& place);

/// Text from a user or a file for use in a message: in single quotes, cut when long, control characters replaced by
/// '?'.
std::string shown(std::string_view text);

}  // namespace pathline
