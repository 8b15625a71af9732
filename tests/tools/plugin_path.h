#pragma once
// Where the plugins built with the tests lie.

#include <filesystem>
#include <stdexcept>
#include <string>

namespace pathline::test {

inline std::filesystem::path plugin_folder() {
  for (const char* library : {"lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"}) {
    const auto folder = std::filesystem::path(PATHLINE_BINARY_DIR) / library / "pathline" / "solvers";
    if (std::filesystem::exists(folder)) return folder;
  }
  throw std::runtime_error("no plugin folder below " PATHLINE_BINARY_DIR);
}

inline std::string plugin(const std::string& name) {
  return (plugin_folder() / (name + ".so")).string();
}

}  // namespace pathline::test
