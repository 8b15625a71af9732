#include "solvers/conformance/examine.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/child_process.h"
#include "core/config.h"
#include "core/confinement.h"
#include "core/error.h"
#include "core/helper_program.h"
#include "solvers/conformance/check.h"
#include "solvers/conformance/report.h"

namespace pathline::solvers::conformance {
namespace {

using Json = nlohmann::json;

bool is_required(const std::string& name) {
  for (const FileCheck& check : file_checks()) {
    if (check.name == name) return check.required;
  }
  return false;
}

/// One child after the other, until the last check is done.
class Examination {
 public:
  Examination(const ExamineOptions& options, const std::function<void(const CheckResult&)>& on_result)
      : options_(options), on_result_(on_result) {}

  std::vector<CheckResult> run() {
    while (!finished_) run_child();
    return std::move(results_);
  }

 private:
  void run_child() {
    running_.reset();
    ChildProcess child(command(), {.report_channel = true, .confined = true});
    std::string line;
    while (true) {
      switch (child.wait(std::chrono::steady_clock::now() + options_.limit, line)) {
        case ChildProcess::Event::received:
          try {
            take(Json::parse(line));
          } catch (const Json::exception&) {
            lost("wrote into a file of the host's",
                 "descriptors that the plugin did not open are not its own; by hand: ");
            return;
          }
          break;
        case ChildProcess::Event::ended:
          if (!finished_) ended(child);
          return;
        case ChildProcess::Event::late:
          lost(fmt::format("did not come back within {} s{}", static_cast<double>(options_.limit.count()) / 1000,
                           child.last_words()),
               "a loop without end, or very slow (see --timeout); a debugger shows where: ");
          return;  // the child is killed
      }
    }
  }

  std::vector<std::string> command() const {
    std::vector<std::string> words = {helper_program("solver-check").string(), options_.file.string(), "--from",
                                      std::to_string(next_), "--report"};
    if (!options_.id.empty()) words.insert(words.end(), {"--id", options_.id});
    for (const std::string& name : options_.only) words.insert(words.end(), {"--only", name});
    for (const std::string& setting : options_.settings) words.insert(words.end(), {"--param", setting});
    return words;
  }

  void take(const Json& report) {
    if (report.contains("begin")) {
      running_ = CheckResult{report.at("solver"), report.at("begin"), CheckResult::State::fail, "", "", 0};
      next_ = report.at("number").get<std::size_t>() + 1;
    } else if (report.contains("state")) {
      CheckResult result = running_.value_or(CheckResult{});
      running_.reset();
      result.state = static_cast<CheckResult::State>(report.at("state").get<int>());
      result.detail = report.at("detail");
      result.advice = report.at("advice");
      result.seconds = report.at("seconds");
      add(std::move(result));
    } else if (report.contains("error")) {
      throw Error(static_cast<ExitCode>(report.at("code").get<int>()), report.at("error"), report.at("place"),
                  report.at("hint"));
    } else {
      finished_ = true;
    }
  }

  void ended(const ChildProcess& child) {
    if (started_too_many_processes(child.status())) {
      lost("started a process" + child.last_words(),
           "a solver works inside the process that loaded it: no fork, system, popen or posix_spawn; to see where: ");
    } else {
      lost(describe_end(child.status()) + child.last_words(), "a crash of the plugin; a debugger shows where: ");
    }
  }

  /// The child ended or was given up while it should have gone on.
  void lost(const std::string& how, const std::string& advice) {
    if (!running_) {
      // Between two checks only the plugin's loading happens again.
      running_ = CheckResult{"", "load", CheckResult::State::fail, "", "", 0};
    }
    running_->detail = how;
    running_->advice = advice + by_hand();
    const bool required = is_required(running_->check);
    add(*running_);
    if (required) {
      add({"", "further checks", CheckResult::State::skip, "cannot run before the plugin loads", "", 0});
      finished_ = true;
    }
  }

  std::string by_hand() const {
    return fmt::format("gdb --args {} {}{} --only {}", command()[0], options_.file.string(),
                       running_->solver.empty() ? "" : " --id " + running_->solver, running_->check);
  }

  void add(CheckResult result) {
    results_.push_back(std::move(result));
    if (on_result_) on_result_(results_.back());
  }

  const ExamineOptions& options_;
  const std::function<void(const CheckResult&)>& on_result_;
  std::vector<CheckResult> results_;
  std::optional<CheckResult> running_;
  std::size_t next_ = 0;
  bool finished_ = false;
};

}  // namespace

std::string to_string(CheckResult::State state) {
  switch (state) {
    case CheckResult::State::pass:
      return "PASS";
    case CheckResult::State::fail:
      return "FAIL";
    default:
      return "SKIP";
  }
}

std::vector<CheckDescription> all_checks() {
  std::vector<CheckDescription> all;
  for (const FileCheck& check : file_checks()) all.push_back({check.name, check.asks, true});
  for (const SolverCheck& check : solver_checks()) all.push_back({check.name, check.asks, false});
  return all;
}

std::vector<CheckResult> examine(const ExamineOptions& options,
                                 const std::function<void(const CheckResult&)>& on_result) {
  std::vector<std::string> names;
  for (const CheckDescription& check : all_checks()) names.push_back(check.name);
  for (const std::string& name : options.only) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string near = nearest_name(name, names);
    throw Error(ExitCode::usage, fmt::format("unknown check '{}'", name), {},
                near.empty() ? "see pathline solvers check --help" : fmt::format("did you mean '{}'?", near));
  }
  std::error_code error;
  if (!std::filesystem::exists(options.file, error)) {
    throw system_error(ENOENT, "cannot open the solver plugin", options.file.string());
  }
  return Examination(options, on_result).run();
}

}  // namespace pathline::solvers::conformance
