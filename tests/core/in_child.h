#pragma once
// Runs something in a forked process, which is the only one whose descriptors, signals and limits it changes.

#include <functional>

#include <sys/wait.h>
#include <unistd.h>

namespace pathline::test {

/// The status, as of waitpid, of a child that ran `action` and then ended with its result (or by a signal).
inline int in_child(const std::function<int()>& action) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(action());
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

/// Whether it ended by itself with code 0.
inline bool succeeds_in_child(const std::function<bool()>& action) {
  const int status = in_child([&] { return action() ? 0 : 1; });
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace pathline::test
