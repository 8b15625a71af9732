#pragma once
// Runs the checks in this process and tells somebody about each: the inner half of examine(). Only `solver-check` calls
// it, for a plugin may do anything to the process that it is loaded into.

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "solvers/plugin_file.h"

namespace pathline::solvers::conformance {

struct CheckResult;

/// Who is told. `number` counts all checks of a run from 0.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void begins(std::size_t number, const std::string& solver, const std::string& check) = 0;
  virtual void ends(const CheckResult& result) = 0;
};

struct CheckRequest {
  std::filesystem::path file;
  std::string id;
  std::vector<std::string> only, settings;
  Loading loading = Loading::copy;
  std::size_t from = 0;  ///< number of the first check to report; what it needs is done before it, silently
};

/// Error(usage) for settings or an id that do not fit the plugin.
void run_checks(const CheckRequest& request, Listener& listener);

}  // namespace pathline::solvers::conformance
