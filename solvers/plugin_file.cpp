#include "solvers/plugin_file.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/error.h"
#include "solvers/load_probe.h"
#include "solvers/loaded_solver.h"
#include "solvers/plugin_call.h"
#include "solvers/trusted_file.h"

namespace pathline::solvers {
namespace {

constexpr const char* entry_symbol = "pathline_plugin";
constexpr std::size_t plugin_size_1_0 =
    offsetof(pathline_plugin_table, solvers) + sizeof(pathline_plugin_table::solvers);
constexpr std::chrono::seconds load_limit{10};

/// Whether it finds something by the place that it lies in, which a copy in memory does not have.
bool looks_beside_itself(const ElfFile& elf) {
  const std::string run_path = elf.run_path();
  if (run_path.find("$ORIGIN") != std::string::npos || run_path.find("${ORIGIN}") != std::string::npos) return true;
  const std::vector<std::string> imports = elf.imports();
  return std::any_of(imports.begin(), imports.end(),
                     [](const std::string& name) { return name == "dladdr" || name == "dladdr1" || name == "dlinfo"; });
}

/// What has been loaded, for good: the copies that the loader has mapped, and the tables in them.
struct LoadedPlugins {
  std::mutex mutex;
  std::map<std::pair<std::filesystem::path, std::string>, const pathline_plugin_table*> tables;  // by path and hash
  std::vector<std::shared_ptr<const SealedCopy>> copies;
};
LoadedPlugins& loaded_plugins() {
  static LoadedPlugins plugins;
  return plugins;
}

void* open_image(const PluginImage& image) {
  const std::string place = image.path.string(), loaded = image.copy ? image.copy->path() : place;
  // NOW: a missing symbol shows here, not in the middle of a run. LOCAL: plugins do not see each other's symbols.
  void* const handle = ::dlopen(loaded.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle) return handle;
  const char* const reason = ::dlerror();
  std::string text = reason ? reason : "unknown reason";
  if (text.starts_with(loaded + ": ")) text.erase(0, loaded.size() + 2);
  throw Error(ExitCode::bad_input, "the solver plugin does not load: " + text, place,
              "link it with all libraries it needs (`ldd -r FILE` lists what is missing)");
}

}  // namespace

PluginImage read_plugin(const std::filesystem::path& file, Loading loading) {
  TrustedFile read = read_trusted_file(file);
  PluginImage image{
      read.path, ElfFile(std::move(read.contents), read.path.string()), read.sha256, read.device, read.inode, nullptr};
  if (loading == Loading::copy && !looks_beside_itself(image.elf)) {
    image.copy = SealedCopy::of(image.elf.contents(), image.path.filename().string());
  }
  return image;
}

PluginHead read_head(const PluginImage& image) {
  const std::string place = image.path.string();
  const auto datum = image.elf.find_datum(entry_symbol);
  if (!datum) {
    throw Error(ExitCode::bad_input,
                fmt::format("not a solver plugin: it does not export the constant `{}`", entry_symbol), place,
                "see docs/write-a-solver.md; it must be a const datum with default visibility");
  }
  PluginHead head{};
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
  return head;
}

void check_head(const PluginImage& image, const PluginHead& head) {
  const std::string place = image.path.string();
  if (head.abi_major != PATHLINE_ABI_MAJOR) {
    throw Error(ExitCode::bad_input,
                fmt::format("built for solver ABI {}.{}; this pathline has {}.{}", head.abi_major, head.abi_minor,
                            PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR),
                place, "rebuild it against the <pathline/solver.h> that came with this pathline");
  }
  const std::uint64_t size = image.elf.find_datum(entry_symbol).value().size;
  if (head.struct_size < plugin_size_1_0 || head.struct_size > size || head.solver_count == 0 ||
      head.solver_count > 1000) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("`{}` has struct_size {} and lists {} solvers: expected {} to {} bytes and 1 to 1000 solvers",
                    entry_symbol, head.struct_size, head.solver_count, plugin_size_1_0, size),
        place);
  }
}

const pathline_plugin_table& load_plugin(const PluginImage& image) {
  LoadedPlugins& plugins = loaded_plugins();
  const std::lock_guard lock(plugins.mutex);
  const pathline_plugin_table*& table = plugins.tables[{image.path, image.sha256}];
  if (table) return *table;
  void* const handle = open_image(image);
  if (image.copy) {
    plugins.copies.push_back(image.copy);
  } else {
    // That the loader found the bytes that were checked and hashed is seen by reading them again.
    const TrustedFile again = read_trusted_file(image.path);
    if (again.device != image.device || again.inode != image.inode || again.sha256 != image.sha256) {
      throw Error(ExitCode::bad_input, "the file was changed while it was being loaded", image.path.string(),
                  "run the command again when whatever writes it has finished");
    }
  }
  const void* const symbol = ::dlsym(handle, entry_symbol);
  if (!symbol) {
    throw Error(ExitCode::bad_input, fmt::format("`{}` is not visible", entry_symbol), image.path.string());
  }
  table = static_cast<const pathline_plugin_table*>(symbol);
  return *table;
}

std::vector<std::shared_ptr<const Solver>> solvers_of(const pathline_plugin_table& table, const PluginImage& image) {
  const std::string place = image.path.string();
  std::vector<std::shared_ptr<const Solver>> solvers;
  std::set<std::string> ids;
  for (std::uint32_t i = 0; i < table.solver_count; ++i) {
    if (!table.solvers || !table.solvers[i]) {
      throw Error(ExitCode::bad_input, fmt::format("solver {} of {} is a null pointer", i, table.solver_count), place);
    }
    solvers.push_back(std::make_shared<LoadedSolver>(*table.solvers[i], image.path, image.sha256));
    if (!ids.insert(solvers.back()->info().id).second) {
      throw Error(ExitCode::bad_input, fmt::format("lists two solvers '{}'", solvers.back()->info().id), place);
    }
  }
  return solvers;
}

std::vector<std::shared_ptr<const Solver>> open_plugin(const std::filesystem::path& file, Origin origin) {
  const PluginImage image = read_plugin(file);
  check_head(image, read_head(image));
  if (origin == Origin::foreign) {
    const std::string reason = why_loading_fails(image.path, image.copy.get(), load_limit);
    if (!reason.empty()) {
      throw Error(ExitCode::bad_input, "the solver plugin " + reason, image.path.string(),
                  "its static constructors must neither throw nor exit; ask its author");
    }
  }
  const std::string plugin = "the plugin";
  const auto load = [&]() -> const pathline_plugin_table& {
    const PluginCall call(image.path, plugin, "static constructors");  // and those that -ffast-math brings along
    return load_plugin(image);
  };
  return solvers_of(load(), image);
}

}  // namespace pathline::solvers
