#pragma once
// Independent pieces of work on several threads, while the calling thread reports progress.

#include <cstdint>
#include <functional>

namespace pathline {

/// Calls work(0) … work(pieces − 1), each once, in any order, from `threads` threads (0: one per usable core), and
/// `watch()` from the calling thread a few times a second and once at the end. The first exception, by number of the
/// piece, is rethrown after all threads have ended; no new piece begins after one.
void work_in_parallel(std::uint64_t pieces, int threads, const std::function<void(std::uint64_t)>& work,
                      const std::function<void()>& watch = {});

}  // namespace pathline
