#pragma once
// System calls that a signal interrupts: called again. No state.

#include <cerrno>

namespace pathline {

/// Calls `call` until it does not fail with EINTR; returns what it returned, errno as it left it. Not for close(2): on
/// Linux the descriptor is gone even then.
template <typename Call>
auto retrying(Call&& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace pathline
