// `pathline solvers check`: examines a plugin in processes of its own. A plugin that is named by its path is not loaded
// into this one; for a name the search path is looked through as everywhere.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "solvers/conformance/examine.h"
#include "solvers/solver_host.h"
#include "tools/cmd_solvers.h"
#include "tools/options.h"
#include "tools/print.h"

namespace pathline::tools {
namespace {

namespace conformance = solvers::conformance;
using conformance::CheckResult;
using Json = nlohmann::ordered_json;

/// FILE, FILE#ID, or the id of a solver on the search path.
void set_subject(conformance::ExamineOptions& options, const std::string& word) {
  const auto mark = word.rfind('#');
  const bool has_id = mark != std::string::npos && word.find('/', mark) == std::string::npos;
  const std::string path = word.substr(0, has_id ? mark : std::string::npos);
  std::error_code error;
  if (path.find('/') != std::string::npos || std::filesystem::is_regular_file(path, error)) {
    options.file = std::filesystem::absolute(path);
    if (has_id) options.id = word.substr(mark + 1);
    return;
  }
  const solvers::SolverInfo info = solvers::find_solver(word)->info();
  options.file = info.file;
  options.id = info.id;
}

std::string line_of(const CheckResult& result) {
  return fmt::format("{}  {}{} — {}{}", to_string(result.state), result.solver.empty() ? "" : result.solver + ": ",
                     result.check, result.detail, result.advice.empty() ? "" : " — " + result.advice);
}

Json to_json(const CheckResult& result) {
  static const char* const states[] = {"pass", "fail", "skip"};
  return {{"solver", result.solver.empty() ? Json(nullptr) : Json(result.solver)},
          {"check", result.check},
          {"state", states[static_cast<int>(result.state)]},
          {"detail", result.detail},
          {"advice", result.advice},
          {"seconds", result.seconds}};
}

struct Tally {
  int passed = 0, failed = 0, skipped = 0;
  void count(const CheckResult& result) {
    switch (result.state) {
      case CheckResult::State::pass:
        ++passed;
        break;
      case CheckResult::State::fail:
        ++failed;
        break;
      case CheckResult::State::skip:
        ++skipped;
        break;
    }
  }
};

std::string list_of_checks() {
  std::string text = "Checks:\n";
  for (const conformance::CheckDescription& check : conformance::all_checks()) {
    text += fmt::format("  {:<17}{}\n", check.name, wrap_text(check.asks, 100, 19));
  }
  return text + "\ndocs/conformance.md says more. Exit code 3 if any check fails.";
}

}  // namespace

int check_solver(const std::vector<std::string>& arguments) {
  Options options(
      "pathline solvers check", "PLUGIN.so[#ID] [--json]",
      "Examines a solver plugin: whether it keeps the rules of the interface and its own promises. It runs in "
      "processes of its own, so that it may crash or hang; the other checks go on.");
  options.flag("json", "one JSON document on stdout instead of a line per check");
  options.value("only", "CHECK,…", "only these checks");
  options.repeated("param", "NAME=VALUE", "value of a parameter of the solver (as of `pathline sample`)");
  options.value("timeout", "SECONDS", "longest time for one check", "10");
  options.positional("PLUGIN.so",
                     "the plugin; FILE#ID for one of several solvers in it; or the id of an installed solver", 1, 1);
  options.paths({}, /*words=*/true);
  options.epilogue(list_of_checks());
  if (!options.parse(arguments)) return 0;

  conformance::ExamineOptions examination;
  set_subject(examination, options.words()[0]);
  if (options.has("only")) examination.only = options.texts("only");
  examination.settings = options.all("param");
  constexpr double least_seconds = 0.1, most_seconds = 3600;
  examination.limit =
      std::chrono::milliseconds(static_cast<std::int64_t>(1000 * options.real("timeout", least_seconds, most_seconds)));

  std::error_code missing;
  const std::string sha256 =
      std::filesystem::is_regular_file(examination.file, missing) ? sha256_file(examination.file) : "";
  const bool json = options.has("json");
  const auto begin = std::chrono::steady_clock::now();
  Tally tally;
  Json checks = Json::array();
  conformance::examine(examination, [&](const CheckResult& result) {
    tally.count(result);
    if (json) {
      checks.push_back(to_json(result));
      return;
    }
    print("{}\n", plain_line(line_of(result)));
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  // Every check that crashed was followed by a new process, which read the file again.
  if (sha256_file(examination.file) != sha256) {
    throw Error(ExitCode::bad_input, "the file was changed while it was examined", examination.file.string(),
                "run the command again when whatever writes it has finished");
  }
  if (json) {
    const Json document = {{"file", examination.file.string()},
                           {"sha256", sha256},
                           {"passed", tally.passed},
                           {"failed", tally.failed},
                           {"skipped", tally.skipped},
                           {"seconds", seconds},
                           {"checks", std::move(checks)}};
    print_data(document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    print("{} passed, {} failed, {} skipped in {:.2f} s\n", tally.passed, tally.failed, tally.skipped, seconds);
  }
  if (tally.failed > 0) {
    throw Error(ExitCode::bad_input, fmt::format("{} check{} failed", tally.failed, tally.failed == 1 ? "" : "s"),
                examination.file.string());
  }
  return 0;
}

}  // namespace pathline::tools
