#pragma once
// Tries a shared object out in a child process. An exception thrown by a static constructor, an abort or an exit()
// during dlopen would end this process with no chance to say why: C++ exceptions do not get out of glibc's dlopen.
//
// The child is /bin/echo with the object preloaded, so no program of our own has to start (or MPI to come up) a second
// time, and nothing is forked from a process that may have threads. Thread-safety: safe.

#include <chrono>
#include <filesystem>
#include <string>

namespace pathline::solvers {

/// Empty if `file` loads (or if this system has no way to try); otherwise what happened, with what it wrote last:
/// "was ended by signal 6 (Aborted) while loading: …". `limit`: how long it may take.
std::string why_loading_fails(const std::filesystem::path& file, std::chrono::milliseconds limit);

}  // namespace pathline::solvers
