#pragma once
// Opening a solver plugin: everything that can be found wrong with a file is found before its code runs in this
// process.
//
// In-process code cannot be sandboxed: whoever loads a plugin trusts it. What is done here protects against mistakes,
// not malice. Thread-safety: safe to call from several threads.

#include <filesystem>
#include <memory>
#include <vector>

#include "solvers/solver_host.h"

namespace pathline::solvers {

/// Plugins that were installed together with the program are not tried out in a child process first.
enum class Origin { installed, foreign };

/// The solvers of the plugin `file`, in its own order. The object stays loaded to the end of the process.
/// Error(file_system) if it cannot be read; Error(bad_input) if it is writable by everybody, not a shared object for
/// this machine, does not export `pathline_plugin`, has another ABI major, crashes or hangs while loading, lacks
/// symbols, or has a faulty table.
std::vector<std::shared_ptr<const Solver>> open_plugin(const std::filesystem::path& file, Origin origin);

}  // namespace pathline::solvers
