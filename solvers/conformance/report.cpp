#include "solvers/conformance/report.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/durable_file.h"
#include "solvers/conformance/check.h"
#include "solvers/conformance/examine.h"

namespace pathline::solvers::conformance {
namespace {

/// Runs one check, whatever comes out of it.
template <typename F>
CheckResult result_of(const std::string& solver, const std::string& name, F run) {
  CheckResult result{solver, name, CheckResult::State::pass, "", "", 0};
  const auto begin = std::chrono::steady_clock::now();
  try {
    result.detail = run();
  } catch (const Finding& finding) {
    result = {solver, name, CheckResult::State::fail, finding.detail, finding.advice, 0};
  } catch (const NotApplicable& reason) {
    result = {solver, name, CheckResult::State::skip, reason.reason, "", 0};
  } catch (const Escaped& escaped) {
    result = {solver,
              name,
              CheckResult::State::fail,
              fmt::format("an exception left {}: {}", escaped.function, escaped.text),
              "catch everything inside and return a status; <pathline/solver.hpp> does that",
              0};
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

/// Values for the solver's parameters: defaults, and what was asked for.
class SettingsReader {
 public:
  explicit SettingsReader(const std::vector<std::string>& given) {
    for (const std::string& setting : given) {
      const auto mark = setting.find('=');
      if (mark == std::string::npos) {
        throw Error(ExitCode::usage, fmt::format("expected name=value, found '{}'", setting), "--param");
      }
      given_[setting.substr(0, mark)] = setting.substr(mark + 1);
    }
  }

  /// For one solver; names that it does not have may belong to another one of the plugin.
  SolverUnderTest read(const LoadedSolver& solver) {
    SolverUnderTest subject{solver, {}};
    const pathline_solver& table = solver.table();
    for (std::uint32_t i = 0; i < table.parameter_count; ++i) {
      const pathline_parameter& parameter = *table.parameters[i];
      const auto found = find(parameter.name);
      subject.settings.numbers.push_back(found == given_.end()
                                             ? parameter.default_value
                                             : parse_parameter(solver.info(), found->first, found->second).number);
    }
    for (std::uint32_t i = 0; i < table.text_parameter_count; ++i) {
      const pathline_text_parameter& parameter = *table.text_parameters[i];
      subject.configured_by_file = subject.configured_by_file || parameter.type == PATHLINE_TEXT_FILE;
      const auto found = find(parameter.name);
      if (found == given_.end() && !parameter.default_value) {
        missing_ = fmt::format("{}={}", parameter.name, parameter.type == PATHLINE_TEXT_FILE ? "FILE" : "TEXT");
        continue;
      }
      const std::string text = found == given_.end() ? parameter.default_value : found->second;
      subject.settings.texts[parameter.name] = text;
      if (parameter.type == PATHLINE_TEXT_FILE && !text.empty()) {
        constexpr std::uint64_t largest = std::uint64_t{16} << 20;
        subject.settings.contents[parameter.name] = read_file(text, largest);
      }
    }
    return subject;
  }

  /// A parameter without a default that was not given: "file=FILE"; or "".
  std::string take_missing() { return std::exchange(missing_, ""); }

  void require_all_used() const {
    for (const auto& [name, value] : given_) {
      if (!used_.contains(name)) {
        throw Error(ExitCode::usage, fmt::format("no solver that is checked has a parameter '{}'", name), "--param");
      }
    }
  }

 private:
  std::map<std::string, std::string>::const_iterator find(const char* name) {
    const auto found = given_.find(name);
    if (found != given_.end()) used_.insert(found->first);
    return found;
  }

  std::map<std::string, std::string> given_;
  std::set<std::string> used_;
  std::string missing_;
};

void require_known_id(const PluginUnderTest& plugin, const std::string& id) {
  std::vector<std::string> ids;
  for (const auto& solver : plugin.solvers) ids.push_back(solver->info().id);
  if (id.empty() || std::find(ids.begin(), ids.end(), id) != ids.end()) return;
  throw Error(ExitCode::usage, fmt::format("no solver '{}' in this plugin; it has: {}", id, fmt::join(ids, ", ")),
              plugin.file.string());
}

}  // namespace

void run_checks(const CheckRequest& request, Listener& listener) {
  remember_process_state();
  PluginUnderTest plugin;
  plugin.file = request.file;
  plugin.loading = request.loading;
  std::size_t number = 0;
  const auto wanted = [&](const char* name) {
    return request.only.empty() || std::find(request.only.begin(), request.only.end(), name) != request.only.end();
  };

  for (const FileCheck& check : file_checks()) {
    const std::size_t mine = number++;
    const bool report = mine >= request.from;
    if (!check.required && (!report || !wanted(check.name))) continue;
    if (report) listener.begins(mine, "", check.name);
    const CheckResult result = result_of("", check.name, [&] { return check.run(plugin); });
    const bool failed = result.state == CheckResult::State::fail;
    // What is needed to get to a check that was asked for is worth a line only when it fails.
    if (report && (failed || wanted(check.name))) listener.ends(result);
    if (failed && check.required) {
      listener.begins(mine, "", "further checks");
      listener.ends({"", "further checks", CheckResult::State::skip,
                     fmt::format("cannot run before '{}' passes", check.name), "", 0});
      return;
    }
  }
  require_known_id(plugin, request.id);

  SettingsReader settings(request.settings);
  std::vector<SolverUnderTest> subjects;
  std::vector<std::string> missing;
  for (const auto& solver : plugin.solvers) {
    subjects.push_back(settings.read(*solver));
    missing.push_back(settings.take_missing());
  }
  settings.require_all_used();
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    const std::string& id = subjects[s].info().id;
    const bool skipped = !request.id.empty() && request.id != id;
    if (!skipped && !missing[s].empty()) {
      listener.begins(number, id, "all checks");
      listener.ends({id, "all checks", CheckResult::State::skip, "needs --param " + missing[s], "", 0});
    }
    for (const SolverCheck& check : solver_checks()) {
      const std::size_t mine = number++;
      if (skipped || !missing[s].empty() || mine < request.from || !wanted(check.name)) continue;
      listener.begins(mine, id, check.name);
      listener.ends(result_of(id, check.name, [&] { return check.run(subjects[s]); }));
    }
  }
}

}  // namespace pathline::solvers::conformance
