#include "solvers/plugin_file.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <string>

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "pathline/solver.h"
#include "solvers/elf_file.h"
#include "solvers/load_probe.h"
#include "solvers/loaded_solver.h"

namespace pathline::solvers {
namespace {

constexpr const char* entry_symbol = "pathline_plugin";
constexpr std::size_t plugin_size_1_0 =
    offsetof(pathline_plugin_table, solvers) + sizeof(pathline_plugin_table::solvers);
constexpr std::uint64_t largest_file = std::uint64_t{1} << 30;
constexpr std::chrono::seconds load_limit{10};

std::filesystem::path checked_path(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) throw system_error(errno, "cannot open the solver plugin", file.string());
  if (!S_ISREG(status.st_mode)) {
    throw Error(ExitCode::bad_input, "not a file", file.string(), "name the plugin's shared object (.so)");
  }
  if (status.st_mode & S_IWOTH) {
    throw Error(ExitCode::bad_input, "refused: everybody may write to this file, so anybody may have put code into it",
                file.string(), "chmod o-w it, if you know where it comes from");
  }
  return std::filesystem::canonical(file);
}

/// What the file says about itself before it is loaded.
void check_table_in_file(const ElfFile& elf, const std::string& place) {
  const auto datum = elf.find_datum(entry_symbol);
  if (!datum) {
    throw Error(ExitCode::bad_input,
                fmt::format("not a solver plugin: it does not export the constant `{}`", entry_symbol), place,
                "see docs/write-a-solver.md; it must be a const datum with default visibility");
  }
  struct Head {
    std::uint32_t struct_size, abi_major, abi_minor, solver_count;
  } head{};
  if (datum->size >= plugin_size_1_0 && datum->first_bytes.size() < sizeof head) {
    throw Error(ExitCode::bad_input, fmt::format("`{}` is filled in at run time", entry_symbol), place,
                "initialise it with constants only, so that it can be read without running the plugin");
  }
  if (datum->size < plugin_size_1_0) {
    throw Error(ExitCode::bad_input,
                fmt::format("`{}` has {} bytes, expected at least {}: not a pathline_plugin_table", entry_symbol,
                            datum->size, plugin_size_1_0),
                place);
  }
  std::memcpy(&head, datum->first_bytes.data(), sizeof head);
  if (head.abi_major != PATHLINE_ABI_MAJOR) {
    throw Error(ExitCode::bad_input,
                fmt::format("built for solver ABI {}.{}; this pathline has {}.{}", head.abi_major, head.abi_minor,
                            PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR),
                place, "rebuild it against the <pathline/solver.h> that came with this pathline");
  }
  if (head.struct_size < plugin_size_1_0 || head.struct_size > datum->size || head.solver_count == 0 ||
      head.solver_count > 1000) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("`{}` has struct_size {} and lists {} solvers: expected {} to {} bytes and 1 to 1000 solvers",
                    entry_symbol, head.struct_size, head.solver_count, plugin_size_1_0, datum->size),
        place);
  }
}

const pathline_plugin_table& load(const std::filesystem::path& file) {
  // NOW: a missing symbol shows here, not in the middle of a run. LOCAL: plugins do not see each other's symbols.
  void* const handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char* const reason = ::dlerror();
    std::string text = reason ? reason : "unknown reason";
    if (text.starts_with(file.string() + ": ")) text.erase(0, file.string().size() + 2);
    throw Error(ExitCode::bad_input, "the solver plugin does not load: " + text, file.string(),
                "link it with all libraries it needs (`ldd -r FILE` lists what is missing)");
  }
  const void* const symbol = ::dlsym(handle, entry_symbol);
  if (!symbol) throw Error(ExitCode::bad_input, fmt::format("`{}` is not visible", entry_symbol), file.string());
  return *static_cast<const pathline_plugin_table*>(symbol);
}

}  // namespace

std::vector<std::shared_ptr<const Solver>> open_plugin(const std::filesystem::path& file, Origin origin) {
  const std::filesystem::path path = checked_path(file);
  const std::string place = path.string();
  const ElfFile elf(read_file(path, largest_file), place);
  check_table_in_file(elf, place);
  const std::string sha256 = sha256_hex(elf.contents().data(), elf.contents().size());
  if (origin == Origin::foreign) {
    const std::string reason = why_loading_fails(path, load_limit);
    if (!reason.empty()) {
      throw Error(ExitCode::bad_input, "the solver plugin " + reason, place,
                  "its static constructors must neither throw nor exit; ask its author");
    }
  }

  const pathline_plugin_table& table = load(path);
  std::vector<std::shared_ptr<const Solver>> solvers;
  std::set<std::string> ids;
  for (std::uint32_t i = 0; i < table.solver_count; ++i) {
    if (!table.solvers || !table.solvers[i]) {
      throw Error(ExitCode::bad_input, fmt::format("solver {} of {} is a null pointer", i, table.solver_count), place);
    }
    solvers.push_back(std::make_shared<LoadedSolver>(*table.solvers[i], path, sha256));
    if (!ids.insert(solvers.back()->info().id).second) {
      throw Error(ExitCode::bad_input, fmt::format("lists two solvers '{}'", solvers.back()->info().id), place);
    }
  }
  return solvers;
}

}  // namespace pathline::solvers
