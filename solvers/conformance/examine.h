#pragma once
// Examines a plugin from outside: starts `solver-check`, the program built or installed beside this one
// (libexec/pathline), watches it, and starts it again behind the check in which the plugin crashed, hung or ended its
// process. No code of the plugin runs in this process.
//
// Thread-safety: none is needed; one call, one child at a time.

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace pathline::solvers::conformance {

struct CheckResult {
  enum class State { pass, fail, skip };
  std::string solver;  ///< id; empty for checks of the file
  std::string check;
  State state = State::pass;
  std::string detail;  ///< what was seen
  std::string advice;  ///< of a failure: what to do about it
  double seconds = 0;
};
std::string to_string(CheckResult::State state);  ///< "PASS", "FAIL", "SKIP"

struct ExamineOptions {
  std::filesystem::path file;
  std::string id;                          ///< only this solver of the plugin; empty: all
  std::vector<std::string> only;           ///< only these checks, and those needed to get there; empty: all
  std::vector<std::string> settings;       ///< "name=value", for solvers whose parameters need a value
  std::chrono::milliseconds limit{10000};  ///< for each check
};

/// All results, in order; `on_result` is called with each as it comes in. Error(usage) for an unknown check, solver or
/// parameter; Error(file_system) if the file does not exist or the program cannot be started.
std::vector<CheckResult> examine(const ExamineOptions& options,
                                 const std::function<void(const CheckResult&)>& on_result = {});

/// Every check in its order, with the question it answers.
struct CheckDescription {
  std::string name, asks;
  bool of_file;
};
std::vector<CheckDescription> all_checks();

}  // namespace pathline::solvers::conformance
