// `pathline solvers new`: writes the starting point of a solver plugin.

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "tools/cmd_solvers.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/solver_template.h"

namespace pathline::tools {
namespace {

namespace fs = std::filesystem;

void require_valid_id(const std::string& id) {
  constexpr std::size_t longest = 64;
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  if (!id.empty() && id.size() <= longest && id[0] >= 'a' && id[0] <= 'z' && std::all_of(id.begin(), id.end(), fits)) {
    return;
  }
  throw Error(
      ExitCode::usage,
      fmt::format("expected a name of lower-case letters, digits, '-' and '_', that begins with a letter and has at "
                  "most {} characters; found {}",
                  longest, shown(id)),
      "NAME", "it becomes the solver's id, what --solver takes");
}

/// Where the header of this pathline lies: installed beside the program, or in the source tree around its build folder.
struct HeaderPlace {
  std::string include, prefix;
};
HeaderPlace find_header() {
  std::error_code error;
  const fs::path root = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  if (fs::exists(root / "include/pathline/solver.h", error)) return {(root / "include").string(), root.string()};
  const fs::path in_tree = root.parent_path() / "solvers/include";
  return {fs::exists(in_tree / "pathline/solver.h", error) ? in_tree.string() : "PREFIX/include", "PREFIX"};
}

}  // namespace

int new_solver(const std::vector<std::string>& arguments) {
  Options options(
      "pathline solvers new", "NAME [--language c|cpp] [--out DIR]",
      "Writes the starting point of a solver plugin: a source file that compiles and works, a CMakeLists.txt, and "
      "a README.md with the commands to build, check and compare it.");
  options.value("language", "c|cpp", "of the source file", "c");
  options.value("out", "DIR", "the folder to make; default: NAME");
  options.paths({"out"});
  options.positional("NAME", "id of the solver: lower-case letters, digits, '-' and '_'", 1, 1);
  if (!options.parse(arguments)) return 0;

  const std::string id = options.words()[0];
  require_valid_id(id);
  const bool cpp = options.choice("language", {"c", "cpp"}) == "cpp";
  const fs::path folder = options.has("out") ? options.text("out") : id;
  if (fs::symlink_status(folder).type() != fs::file_type::not_found) {
    throw Error(ExitCode::usage, "exists already, and is not written over", folder.string(),
                "choose another folder with --out");
  }
  const std::string source = id + (cpp ? ".cpp" : ".c");
  const HeaderPlace header = find_header();
  const std::map<std::string, std::string> values = {{"id", id},
                                                     {"source", source},
                                                     {"language", cpp ? "CXX" : "C"},
                                                     {"compiler", cpp ? "c++ -std=c++17" : "cc -std=c11"},
                                                     {"include", header.include},
                                                     {"prefix", header.prefix}};
  DurableDirectory directory(folder);
  const auto write = [&](const std::string& name, const std::string& from) {
    write_file_durably(directory.path() / name, fill_template(template_text(from), values));
  };
  write(source, cpp ? "solver.cpp" : "solver.c");
  write("CMakeLists.txt", "CMakeLists.txt");
  write("README.md", "README.md");
  directory.commit();
  print("{}\n{}\n{}\n", (folder / source).string(), (folder / "CMakeLists.txt").string(),
        (folder / "README.md").string());
  return 0;
}

}  // namespace pathline::tools
