// The shared object itself: whether it may be loaded, what it exports and needs, loading it more than once, its tables.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "solvers/conformance/check.h"

namespace pathline::solvers::conformance {
namespace {

constexpr const char* entry_symbol = "pathline_plugin";

/// Runs a step of loading; its Error becomes a Finding.
template <typename F>
auto step(F f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Finding{error.message(), error.hint().empty() ? "see docs/solver-abi.md" : error.hint()};
  }
}

std::string check_file(PluginUnderTest& plugin) {
  plugin.image = step([&] { return std::make_unique<PluginImage>(read_plugin(plugin.file, plugin.loading)); });
  return fmt::format("{} bytes, sha256 {}", plugin.image->elf.contents().size(), plugin.image->sha256);
}

std::string check_exports(PluginUnderTest& plugin) {
  step([&] { return read_head(*plugin.image); });
  return "exports the constant `pathline_plugin`";
}

std::string check_abi(PluginUnderTest& plugin) {
  const PluginHead head = step([&] { return read_head(*plugin.image); });
  step([&] {
    check_head(*plugin.image, head);
    return 0;
  });
  return fmt::format("built for ABI {}.{}, {} solver{}", head.abi_major, head.abi_minor, head.solver_count,
                     head.solver_count == 1 ? "" : "s");
}

std::string check_other_exports(PluginUnderTest& plugin) {
  std::vector<std::string> others = plugin.image->elf.strong_exports();
  std::erase(others, entry_symbol);
  constexpr std::size_t shown = 5;
  const std::size_t count = others.size();
  others.resize(std::min(count, shown));
  require(
      others.empty(),
      fmt::format("also exports {} other symbols: {}{}", count, fmt::join(others, ", "), count > shown ? ", …" : ""),
      "compile with -fvisibility=hidden: a symbol of the same name in the program would be used instead of yours");
  return "exports nothing else";
}

std::string check_libraries(PluginUnderTest& plugin) {
  const std::vector<std::string> needed = plugin.image->elf.needed_libraries();
  for (const std::string& library : needed) {
    require(
        !library.starts_with("libtorch") && !library.starts_with("libc10"), "needs " + library,
        "a plugin does its arithmetic through the host and needs no LibTorch; linked against one version it cannot be "
        "loaded with another");
  }
  return needed.empty() ? "needs no libraries" : fmt::format("needs {}", fmt::join(needed, ", "));
}

std::string check_load(PluginUnderTest& plugin) {
  const auto begin = std::chrono::steady_clock::now();
  plugin.table = step([&] { return &load_plugin(*plugin.image); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  constexpr double longest = 2;
  require(seconds < longest, fmt::format("loading took {:.1f} s", seconds),
          "do work in create, not in static constructors: `solvers list` loads every plugin");
  return fmt::format("in {:.1f} ms, all symbols found", 1000 * seconds);
}

std::string check_load_again(PluginUnderTest& plugin) {
  // A copy under another name: two versions of a plugin side by side, and one that is loaded and unloaded over again.
  // The image cannot be unloaded itself, for it was loaded as the host does it.
  const auto copy = SealedCopy::of(plugin.image->elf.contents(), "plugin");
  if (!copy) throw NotApplicable{"this system gives no file in memory to load a copy from"};
  const std::string path = copy->path();
  constexpr int times = 20;
  for (int i = 0; i < times; ++i) {
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      if (i == 0) throw NotApplicable{fmt::format("a copy in memory does not load here: {}", ::dlerror())};
      throw Finding{fmt::format("does not load for the {}th time: {}", i + 1, ::dlerror()),
                    "static constructors must cope with running again"};
    }
    const auto* const table = static_cast<const pathline_plugin_table*>(::dlsym(handle, entry_symbol));
    require(table && table != plugin.table && table->solver_count == plugin.table->solver_count,
            "a second copy does not have a table of its own",
            "compile with -fvisibility=hidden and define `pathline_plugin` exactly once");
    for (std::uint32_t s = 0; s < table->solver_count; ++s) {
      require(table->solvers && table->solvers[s] && table->solvers[s]->id &&
                  std::strcmp(table->solvers[s]->id, plugin.table->solvers[s]->id) == 0,
              "a second copy lists other solvers", "the tables are constants: nothing may change them");
    }
    ::dlclose(handle);
  }
  return fmt::format("a second copy, loaded and unloaded {} times", times);
}

std::string check_tables(PluginUnderTest& plugin) {
  std::vector<std::string> ids;
  for (const auto& solver : step([&] { return solvers_of(*plugin.table, *plugin.image); })) {
    plugin.solvers.push_back(std::dynamic_pointer_cast<const LoadedSolver>(solver));
    ids.push_back(solver->info().id);
    const SolverInfo& info = solver->info();
    require(!info.adaptive || info.embedded_order > 0,
            fmt::format("'{}' is adaptive, but declares no error estimate", info.id),
            "set `embedded_order`, the order of the solution that the error estimate compares with");
    for (const Parameter& parameter : info.parameters) {
      require(!parameter.doc.empty(), fmt::format("parameter '{}' of '{}' has no doc", parameter.name, info.id),
              "one line that says what it does, with its unit: `solvers describe` shows it");
    }
  }
  return fmt::format("{}", fmt::join(ids, ", "));
}

}  // namespace

const std::vector<FileCheck>& file_checks() {
  static const std::vector<FileCheck> checks = {
      {"file", "is it a shared object for this machine that nobody else may write to?", check_file, true},
      {"exports", "does it export the constant `pathline_plugin`, readable without running it?", check_exports, true},
      {"abi", "is it built for this ABI, with possible sizes?", check_abi, true},
      {"other-exports", "does it keep its other symbols to itself?", check_other_exports},
      {"libraries", "does it do without LibTorch?", check_libraries},
      {"load", "does it load, quickly, with all symbols found?", check_load, true},
      {"tables", "are ids, names, orders, parameters and functions in order?", check_tables, true},
      {"load-again", "does a second copy load beside it, over and over?", check_load_again},
  };
  return checks;
}

}  // namespace pathline::solvers::conformance
