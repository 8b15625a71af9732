#pragma once
// Opening a solver plugin: everything that can be found wrong with a file is found before its code runs in this
// process.
//
// In-process code cannot be sandboxed: whoever loads a plugin trusts it. What is done here protects against mistakes,
// not malice. Thread-safety: safe to call from several threads.
//
// open_plugin() is what the host uses. The steps it consists of are for the conformance checks, which report on each.

#include <filesystem>
#include <memory>
#include <vector>

#include "pathline/solver.h"
#include "solvers/elf_file.h"
#include "solvers/sealed_copy.h"
#include "solvers/solver_host.h"

namespace pathline::solvers {

/// Plugins that were installed together with the program are not tried out in a child process first.
enum class Origin { installed, foreign };

/// The solvers of the plugin `file`, in its own order. The object stays loaded to the end of the process.
/// Error(file_system) if it cannot be read; Error(bad_input) if it is not to be trusted (solvers/trusted_file.h), not a
/// shared object for this machine, does not export `pathline_plugin`, has another ABI major, crashes or hangs while
/// loading, lacks symbols or has a faulty table. What was checked and hashed is what is loaded: a sealed copy of it,
/// or, where it must be loaded from its place (Loading::in_place), a file that is seen to be the same afterwards. A
/// file that was opened before and has not changed is not loaded again.
std::vector<std::shared_ptr<const Solver>> open_plugin(const std::filesystem::path& file, Origin origin);

// Its steps
// --------------------------------------------------------------------------------------------------------------------

/// Where the dynamic loader takes the code from.
enum class Loading {
  copy,     ///< from a sealed copy in memory, where possible
  in_place  ///< from the file: for debuggers, which want to find it there again
};

/// A plugin's file as it was read once, before any of its code has run.
struct PluginImage {
  std::filesystem::path path;  ///< canonical
  ElfFile elf;
  std::string sha256;
  std::uint64_t device, inode;
  /// Null: it is loaded in place, because that was asked for, because it looks for something beside itself ($ORIGIN in
  /// its run path, dladdr), or because this system has no memory that code may be loaded from.
  std::shared_ptr<const SealedCopy> copy;
};
/// 1. Reads a file that may be trusted and is a shared object.
PluginImage read_plugin(const std::filesystem::path& file, Loading loading = Loading::copy);

/// The first fields of `pathline_plugin`, as stored in the file.
struct PluginHead {
  std::uint32_t struct_size, abi_major, abi_minor, solver_count;
};
/// 2. Finds the exported constant. Error(bad_input) if it is missing, too small or filled in at run time.
PluginHead read_head(const PluginImage& image);
/// 3. Error(bad_input) for another ABI major or impossible sizes.
void check_head(const PluginImage& image, const PluginHead& head);

/// 4. dlopen, unless it is loaded already. Error(bad_input) if it does not load, or was loaded in place and is no
/// longer the file of `image`.
const pathline_plugin_table& load_plugin(const PluginImage& image);
/// 5. The checked tables.
std::vector<std::shared_ptr<const Solver>> solvers_of(const pathline_plugin_table& table, const PluginImage& image);

}  // namespace pathline::solvers
