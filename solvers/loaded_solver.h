#pragma once
// A solver table of a plugin, checked, as the host uses it. Internal to `solvers`, and to its tests, which wrap tables
// of their own.
//
// Ownership: the strings and functions behind the table belong to the shared object, which is never unloaded.
// Thread-safety: immutable.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pathline/solver.h"
#include "solvers/solver_host.h"

namespace pathline::solvers {

class LoadedSolver final : public Solver {
 public:
  /// Checks the table (ids, names, orders, parameters, functions). Throws Error(bad_input) at `file`.
  LoadedSolver(const pathline_solver& table, const std::filesystem::path& file, const std::string& sha256);

  const SolverInfo& info() const override { return info_; }
  const pathline_solver& table() const noexcept { return table_; }

 private:
  pathline_solver table_;  // a copy in which fields that an older plugin lacks are zero
  SolverInfo info_;
};

}  // namespace pathline::solvers
