#pragma once
// Tries a shared object out in a child process. An exception thrown by a static constructor, an abort or an exit()
// during dlopen would end this process with no chance to say why: C++ exceptions do not get out of glibc's dlopen.
//
// The child is solver-check (libexec/pathline), which needs neither MPI nor LibTorch and confines itself
// (core/confinement.h): it ends in bounded time with all that the constructors have started. Thread-safety: safe.

#include <chrono>
#include <filesystem>
#include <string>

#include "solvers/sealed_copy.h"

namespace pathline::solvers {

/// Empty if `file` loads, or is refused by dlopen, which says why itself (or if this system has no way to try: no
/// solver-check beside the program); otherwise what happened, with what it wrote last: "was ended by signal 6 (Aborted)
/// while loading: …". `copy`: what is loaded instead of the file itself, or null. `limit`: how long it may take.
std::string why_loading_fails(const std::filesystem::path& file, const SealedCopy* copy,
                              std::chrono::milliseconds limit);

/// The child's part. `copy`: whether it was given one.
[[noreturn]] void try_loading(const std::filesystem::path& file, bool copy);

}  // namespace pathline::solvers
