#include "solvers/load_probe.h"

#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>

#include "core/child_process.h"
#include "core/error.h"

extern char** environ;

namespace pathline::solvers {
namespace {

constexpr const char* success_mark = "pathline-loaded";

/// The environment with the object first in LD_PRELOAD. Symbols stay lazily bound: missing ones are dlopen's to report.
std::vector<std::string> child_environment(const std::string& object) {
  std::vector<std::string> variables;
  std::string preload = "LD_PRELOAD=" + object;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("LD_PRELOAD=")) {
      preload += ":" + std::string(text.substr(std::strlen("LD_PRELOAD=")));
    } else if (!text.starts_with("LD_BIND_NOW=")) {
      variables.emplace_back(text);
    }
  }
  variables.push_back(preload);
  return variables;
}

}  // namespace

std::string why_loading_fails(const std::filesystem::path& file, std::chrono::milliseconds limit) {
  // LD_PRELOAD is a list separated by these: such a path cannot be named there.
  if (file.string().find_first_of(": ") != std::string::npos) return "";
  std::optional<ChildProcess> child;
  try {
    child.emplace(std::vector<std::string>{"/bin/echo", success_mark}, child_environment(file.string()), false);
  } catch (const Error&) {
    return "";  // no way to try
  }
  std::string line;
  if (child->wait(std::chrono::steady_clock::now() + limit, line) == ChildProcess::Event::late) {
    return fmt::format("was still loading after {:.0f} s", static_cast<double>(limit.count()) / 1000);
  }
  const int status = child->status();
  constexpr int unresolved_symbol = 127;  // the dynamic loader's; dlopen will name the symbol
  if (WIFEXITED(status) && WEXITSTATUS(status) == unresolved_symbol) return "";
  if (WIFEXITED(status) && child->output().find(success_mark) != std::string::npos) return "";
  return describe_end(status) + " while loading" + child->last_words();
}

}  // namespace pathline::solvers
