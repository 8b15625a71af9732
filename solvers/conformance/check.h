#pragma once
// The conformance checks: what a plugin must do beyond loading, one rule or promise per check. They run in a process of
// their own (solver_check.cpp), started and watched by examine().
//
// A check returns what it saw, or throws: Finding for a broken rule, NotApplicable where the solver makes no such
// promise. Whatever else comes out of it came out of the plugin. Thread-safety: none; checks run one after the other.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "solvers/conformance/strict_host.h"
#include "solvers/loaded_solver.h"
#include "solvers/plugin_file.h"

namespace pathline::solvers::conformance {

/// A broken rule: what was seen, and what its author should do.
struct Finding {
  std::string detail, advice;
};
struct NotApplicable {
  std::string reason;
};
/// An exception that left a plugin's function.
struct Escaped {
  std::string function, text;
};
void require(bool condition, const std::string& detail, const std::string& advice);

/// The plugin under examination. Filled in by the checks of the file, in their order.
struct PluginUnderTest {
  std::filesystem::path file;
  Loading loading = Loading::copy;
  std::unique_ptr<PluginImage> image;
  const pathline_plugin_table* table = nullptr;
  std::vector<std::shared_ptr<const LoadedSolver>> solvers;
};

struct SolverUnderTest {
  const LoadedSolver& solver;
  Settings settings;
  /// Method and cost come from a file that the user names: the table cannot promise order or evaluations.
  bool configured_by_file = false;

  const SolverInfo& info() const { return solver.info(); }
};

template <typename Subject>
struct Check {
  const char* name;
  const char* asks;              ///< the question it answers
  std::string (*run)(Subject&);  ///< what was seen, in a few words
  bool required = false;         ///< without it nothing after it can run
};
using FileCheck = Check<PluginUnderTest>;
using SolverCheck = Check<const SolverUnderTest>;

const std::vector<FileCheck>& file_checks();
const std::vector<SolverCheck>& solver_checks();

// The checks by topic: one function per row of solver_checks(), each in the file named.
// --------------------------------------------------------------------------------------------------------------------
std::string check_order(const SolverUnderTest&);  // check_accuracy.cpp
std::string check_uneven_grid(const SolverUnderTest&);
std::string check_descending_grid(const SolverUnderTest&);
std::string check_tolerances(const SolverUnderTest&);
std::string check_one_step(const SolverUnderTest&);  // check_grids.cpp
std::string check_empty_grid(const SolverUnderTest&);
std::string check_stage_times(const SolverUnderTest&);
std::string check_steps_reported(const SolverUnderTest&);
std::string check_evaluations(const SolverUnderTest&);
std::string check_vectors(const SolverUnderTest&);  // check_failures.cpp
std::string check_failing_calls(const SolverUnderTest&);
std::string check_cancel(const SolverUnderTest&);
std::string check_non_finite(const SolverUnderTest&);
std::string check_step_underflow(const SolverUnderTest&);
std::string check_step_limit(const SolverUnderTest&);
std::string check_parameters(const SolverUnderTest&);  // check_instances.cpp
std::string check_extensions(const SolverUnderTest&);
std::string check_determinism(const SolverUnderTest&);
std::string check_threads(const SolverUnderTest&);
std::string check_leaks(const SolverUnderTest&);
std::string check_process_state(const SolverUnderTest&);

/// Takes down what a plugin must not change (threads, floating-point mode, signal handlers, …), for
/// check_process_state. Called before the plugin is loaded.
void remember_process_state();

// Running a solver
// --------------------------------------------------------------------------------------------------------------------
/// Has created one instance; destroys it. Throws Finding if create fails, Escaped for exceptions of the plugin.
class Instance {
 public:
  Instance(const SolverUnderTest& subject, StrictHost& host);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  struct Result {
    pathline_status status;
    State y;
  };
  Result integrate(const Problem& problem, const std::vector<double>& grid, double tolerance);
  void destroy();

 private:
  const pathline_solver& table_;
  StrictHost& host_;
  void* instance_ = nullptr;
  bool alive_ = false;
};

struct Run {
  pathline_status status;
  State y;
  std::unique_ptr<StrictHost> host;
};
/// create, integrate, destroy.
Run run(const SolverUnderTest& subject, const Problem& problem, const std::vector<double>& grid,
        double tolerance = 1e-6, const Behaviour& behaviour = {});
/// The same, and Finding if it does not end with PATHLINE_OK or breaks a rule.
Run run_well(const SolverUnderTest& subject, const Problem& problem, const std::vector<double>& grid,
             double tolerance = 1e-6);
/// Finding if the host saw a rule broken.
void require_rules_kept(const StrictHost& host);

std::string name_of(pathline_status status);  ///< "PATHLINE_OK"

// Grids and errors
// --------------------------------------------------------------------------------------------------------------------
/// steps + 1 times from a to b, exact ends; bend 1: uniform, else denser at a.
std::vector<double> grid_of(double a, double b, int steps, double bend = 1);
/// The interval that the checks integrate over: [0, 2], or [0, 1] for stochastic solvers, which are made for flows.
double end_of_time(const SolverUnderTest& subject);
double largest_error(const State& y, const State& exact);

}  // namespace pathline::solvers::conformance
