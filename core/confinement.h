#pragma once
// Keeps a helper program (core/helper_program.h) that runs foreign code from doing more than it should: it may use so
// much memory, processor time and disk, start so many processes, and whatever it leaves running ends with it.
//
// The process is divided in two. The first, the keeper, has no other work than to wait for the second, which goes on as
// the helper. When the helper ends, or the program that started it does, or SIGTERM comes, the keeper ends whatever is
// left of the helper, grandchildren included, wherever they have moved themselves; then it ends as the helper did. This
// holds against mistakes (a plugin that forks in a loop): code that wants to do harm can kill the keeper first.
//
// Starting a process where none is allowed ends the helper at once: the kernel does it (seccomp), so nothing has been
// started by then. Where the kernel cannot, and where some are allowed, the keeper counts them 50 times a second.
// Thread-safety: called once, from main, before there are threads.

#include <chrono>
#include <cstdint>

namespace pathline {

struct Confinement {
  std::uint64_t memory_bytes = 0;          ///< of address space, each process
  std::uint64_t file_bytes = 0;            ///< of a file that it writes
  std::chrono::seconds processor_time{0};  ///< each process
  int processes = 0;                       ///< that the helper may have started at a time
};

/// Returns in the helper's process; the keeper's never comes back. Limits that the system refuses are left out.
void confine_this_process(const Confinement& limits);

/// Whether a confined helper was ended (`status`: as of waitpid) because it started more processes than it may.
bool started_too_many_processes(int status);

}  // namespace pathline
