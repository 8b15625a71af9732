// `pathline solvers`: which solver plugins there are, and what one of them is and takes. Nothing here integrates.
// Actions of some size have files of their own (cmd_solvers.h).

#include "tools/cmd_solvers.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/log.h"
#include "solvers/solver_host.h"
#include "tools/cmd_solvers_fit.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/print.h"

namespace pathline::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json number(double value) {
  if (std::floor(value) == value && std::fabs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

Json to_json(const solvers::SolverInfo& info) {
  Json parameters = Json::array();
  for (const solvers::Parameter& parameter : info.parameters) {
    if (parameter.text) {
      parameters.push_back({{"name", parameter.name},
                            {"doc", parameter.doc},
                            {"type", parameter.file ? "file" : "text"},
                            {"default", parameter.default_text ? Json(*parameter.default_text) : Json(nullptr)}});
      continue;
    }
    Json entry = {{"name", parameter.name},
                  {"doc", parameter.doc},
                  {"type", !parameter.choices.empty() ? "choice"
                           : parameter.integer        ? "integer"
                                                      : "real"},
                  {"minimum", number(parameter.minimum)},
                  {"maximum", number(parameter.maximum)},
                  {"default", number(parameter.default_value)}};
    if (!parameter.choices.empty()) entry["choices"] = parameter.choices;
    parameters.push_back(std::move(entry));
  }
  return {{"id", info.id},
          {"name", info.name},
          {"version", info.version},
          {"description", info.description},
          {"order", info.order},
          {"embedded_order", info.embedded_order},
          {"evaluations_per_step", number(info.evaluations_per_step)},
          {"adaptive", info.adaptive},
          {"descending", info.descending},
          {"needs_history", info.needs_history},
          {"stochastic", info.stochastic},
          {"linear_path", info.linear_path},
          {"parameters", std::move(parameters)},
          {"file", info.file.string()},
          {"sha256", info.sha256}};
}

int list(const std::vector<std::string>& arguments) {
  Options options("pathline solvers list", "[--json]",
                  "Lists every solver on the search path: the files and folders in PATHLINE_SOLVER_PATH (separated by "
                  "colons), then the folder that was installed with pathline. Files that do not load are reported on "
                  "stderr.");
  options.flag("json", "as JSON, for scripts");
  options.positional("", "", 0, 0);
  if (!options.parse(arguments)) return 0;

  std::vector<std::string> problems;
  const auto found = solvers::list_solvers(&problems);
  for (const std::string& problem : problems) log_warning(problem);
  if (options.has("json")) {
    Json json = {{"solvers", Json::array()}, {"problems", problems}};
    for (const auto& solver : found) json["solvers"].push_back(to_json(solver->info()));
    print_data(json_text(json));
    return 0;
  }
  const auto row = [](const auto& id, const auto& order, const auto& evaluations, const auto& steps,
                      const auto& version, const auto& name, const auto& sha256, const auto& file) {
    print("{:<14} {:>5}  {:>10}  {:<8}  {:<8}  {:<32}  {:<12.12}  {}\n", id, order, evaluations, steps,
          plain_line(version), plain_line(name), sha256, plain_line(file));
  };
  row("id", "order", "evals/step", "steps", "version", "name", "sha256", "file");
  for (const auto& solver : found) {
    const solvers::SolverInfo& info = solver->info();
    row(info.id, info.order, info.evaluations_per_step, info.adaptive ? "adaptive" : "fixed", info.version, info.name,
        info.sha256, info.file.string());
  }
  return 0;
}

/// "pi or i, default pi", "0 to 1e+06, default 0".
std::string range_of(const solvers::Parameter& parameter) {
  if (parameter.text) {
    return fmt::format("{}, {}", parameter.file ? "a file" : "a text",
                       parameter.default_text ? fmt::format("default '{}'", *parameter.default_text) : "must be given");
  }
  if (!parameter.choices.empty()) {
    const auto chosen = static_cast<std::size_t>(parameter.default_value - parameter.minimum);
    return fmt::format("{}, default {}", fmt::join(parameter.choices, " or "), parameter.choices[chosen]);
  }
  return fmt::format("{}{} to {}, default {}", parameter.integer ? "whole, " : "", parameter.minimum, parameter.maximum,
                     parameter.default_value);
}

std::string traits_of(const solvers::SolverInfo& info) {
  std::vector<std::string> traits = {info.adaptive ? "adaptive (--rtol, --atol)"
                                                   : "one step per interval of the grid (--steps)"};
  if (info.needs_history) traits.push_back("multistep");
  if (info.stochastic) traits.push_back("stochastic");
  if (info.linear_path) traits.push_back("for the linear path only");
  if (!info.descending) traits.push_back("ascending time only");
  return fmt::format("{}", fmt::join(traits, ", "));
}

int describe(const std::vector<std::string>& arguments) {
  Options options(
      "pathline solvers describe", "NAME_OR_PATH [--json]",
      "Says what a solver is, where it was loaded from and which parameters it takes (--param name=value of "
      "`pathline sample`).");
  options.flag("json", "as JSON, for scripts");
  options.positional("NAME_OR_PATH",
                     "a solver's id, or a plugin's path (with a '/'; FILE#ID picks one of several solvers in a file)",
                     1, 1);
  options.paths({}, /*words=*/true);
  if (!options.parse(arguments)) return 0;

  const solvers::SolverInfo info = solvers::find_solver(options.words()[0])->info();
  if (options.has("json")) {
    print_data(json_text(to_json(info)));
    return 0;
  }
  constexpr std::size_t width = 100;
  print("{}  {}, version {}\n", info.id, plain_line(info.name), plain_line(info.version));
  if (!info.description.empty()) print("  {}\n", wrap_text(info.description, width - 2, 2));
  print("  order        {}{}\n", info.order,
        info.embedded_order ? fmt::format(", error estimate by order {}", info.embedded_order) : "");
  print("  evaluations  {} per {}\n", info.evaluations_per_step, info.adaptive ? "attempted step" : "step");
  print("  steps        {}\n", traits_of(info));
  print("  file         {}\n  sha256       {}\n", plain_line(info.file.string()), info.sha256);
  if (info.parameters.empty()) {
    print("  parameters   none\n");
    return 0;
  }
  print("  parameters\n");
  for (const solvers::Parameter& parameter : info.parameters) {
    print("    {:<14}{}\n", parameter.name, plain_line(range_of(parameter)));
    print("                  {}\n", wrap_text(parameter.doc, width - 18, 18));
  }
  return 0;
}

}  // namespace

int run_solvers(const std::vector<std::string>& arguments, CommandContext& context) {
  const std::vector<Action> actions = {
      {"list", "every solver on the search path", list},
      {"describe", "one solver, its file and its parameters", describe},
      {"check", "examine a plugin: rules, order, failures, threads, leaks", check_solver},
      {"new", "write the starting point of a plugin in C or C++", new_solver},
      {"fit", "a solver table of few evaluations, fitted to a checkpoint",
       [&context](const std::vector<std::string>& rest) { return run_solvers_fit(rest, context); }},
  };
  return run_action("pathline solvers",
                    "Solver plugins: find them, see what they are, write and examine them (docs/write-a-solver.md).",
                    actions, arguments);
}

}  // namespace pathline::tools
