#include "core/home_path.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace pathline {
namespace {

std::string home_folder(const std::string& path, const std::string& place) {
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  throw Error(ExitCode::usage, "cannot tell what " + shown(path) + " means: HOME is not set", place,
              "write the path out, or set HOME");
}

/// Whether `name` begins with what a shell would take for a variable.
bool begins_with_variable(std::string_view name) {
  if (name.size() < 2 || name[0] != '$') return false;
  const auto next = static_cast<unsigned char>(name[1]);
  return std::isalpha(next) != 0 || next == '_' || next == '{';
}

void refuse_variables(const std::string& path, const std::string& place) {
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    if (begins_with_variable(name)) {
      throw Error(ExitCode::usage,
                  "the variable " + shown(name) + " is not expanded; only ~ and $HOME at the start are", place,
                  "write the path out, or give it as an option, where the shell expands it");
    }
    begin = end + 1;
  }
}

}  // namespace

std::string expand_home(const std::string& path, const std::string& place) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string first = path.substr(0, end), rest = path.substr(end);
  refuse_variables(first == "$HOME" || first == "${HOME}" ? rest : path, place);
  if (first == "~" || first == "$HOME" || first == "${HOME}") return home_folder(path, place) + rest;
  if (!first.empty() && first[0] == '~') {
    throw Error(ExitCode::usage, "the folder of another user, " + shown(first) + ", is not expanded", place,
                "write the path out; for a file of that name, ./" + first);
  }
  return path;
}

}  // namespace pathline
