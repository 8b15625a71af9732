#pragma once
// The host side of solver plugins: loads a shared object, gives it vectors over at::Tensor and a velocity field, counts
// what it does. `solvers` knows no networks: a field is a callable. The ABI itself is
// solvers/include/pathline/solver.h.
//
// Thread-safety: Solver is immutable and may be shared; one integrate() call per thread, each with its own state
// tensor.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace at {
class Tensor;  // so that finding and checking plugins needs no LibTorch
}

namespace pathline::solvers {

struct Parameter {
  std::string name, doc;
  double minimum = 0, maximum = 0, default_value = 0;
  bool integer = false;              ///< whole numbers only
  std::vector<std::string> choices;  ///< names of minimum, minimum + 1, …; empty if the values have no names
};

struct SolverInfo {
  std::string id, name, version, description;
  int order = 0;
  int embedded_order = 0;           ///< of the error estimate; 0 = none
  double evaluations_per_step = 0;  ///< declared, per attempted step
  bool adaptive = false;            ///< chooses its own steps by rtol and atol
  bool descending = false;          ///< also integrates from large to small t
  bool needs_history = false;       ///< multistep
  bool stochastic = false;          ///< draws noise
  std::vector<Parameter> parameters;
  std::filesystem::path file;  ///< absolute path of the shared object
  std::string sha256;          ///< of the shared object
};

/// A solver of a loaded plugin. The shared object stays loaded to the end of the process.
class Solver {
 public:
  virtual ~Solver() = default;
  virtual const SolverInfo& info() const = 0;
};

/// Finds plugins: explicit path (contains a '/'), then PATHLINE_SOLVER_PATH, then the install folder beside the
/// program. Error(bad_input) for a file that is not a plugin, has another ABI version, lacks symbols or fails to load;
/// Error(usage) for an unknown name, with the known ones and the nearest. `path#id` picks one solver of a plugin that
/// lists several.
std::shared_ptr<const Solver> find_solver(const std::string& name_or_path);
/// Every solver found on the search path; files that do not load are reported through `problems` (path: reason).
std::vector<std::shared_ptr<const Solver>> list_solvers(std::vector<std::string>* problems = nullptr);

/// A value as users write it (`--param name=value`): a number within the parameter's range, or the name of a choice.
/// Error(usage) for an unknown name (with the nearest), a wrong type or a value out of range.
double parse_parameter(const SolverInfo& solver, const std::string& name, const std::string& text);

/// dx/dt = field(x, t): writes the velocity of state `y` at time `t` into `out` (same shape, dtype, device; never the
/// same storage). Setting `out` to another tensor of that kind works too, and costs a copy.
using VelocityField = std::function<void(double t, const at::Tensor& y, at::Tensor& out)>;

enum class Status {
  done,
  cancelled,
  non_finite,
  step_too_small,
  too_many_steps,
  out_of_memory,
  host_error,
  bad_parameter,
  failed
};
std::string to_string(Status status);  ///< "done", "cancelled", "non_finite", …

struct IntegrateOptions {
  std::vector<double> grid;  ///< t[0..n], strictly monotonic; adaptive solvers use its ends
  double rtol = 1e-5, atol = 1e-5;
  std::map<std::string, double>
      parameters;  ///< missing ones take their defaults; unknown or out of range: Error(usage)
  std::uint64_t max_evaluations = 100000;
  bool batch_norm =
      false;  ///< error norm: false = maximum over samples of the RMS over a sample; true = RMS over everything
  std::function<bool(double t, double h, bool accepted)> on_step;  ///< return false to cancel
};

struct IntegrateResult {
  Status status = Status::done;
  std::string message;  ///< why, in words; empty when done
  std::uint64_t evaluations = 0, accepted = 0, rejected = 0;
  double t_final = 0;                     ///< the last time that was reached with a finite state
  double smallest_t = 0, largest_t = 0;   ///< range of times the field was asked at
  double seconds = 0, field_seconds = 0;  ///< solver_seconds = seconds - field_seconds
};

/// Integrates `y` ([B, …], float32 or float64, contiguous) in place. Whatever ends an integration early comes back as
/// the status, with `y` as far as it got (after non_finite of a fixed-step solver it holds the non-finite values).
/// Asking the field outside [t0, t1] is refused and ends with host_error. An exception thrown by the field ends the
/// integration and is rethrown here. Error(usage): options that do not fit the solver or the state. Error(bad_input): a
/// non-finite initial state; a plugin that breaks the rules of the ABI (leaks vectors, lets an exception out). On the
/// CPU every step is checked for non-finite values, on other devices every eighth and the last (each check waits for
/// the device).
IntegrateResult integrate(const Solver& solver, at::Tensor& y, const VelocityField& field,
                          const IntegrateOptions& options);

/// t[0..steps] from 0 to 1 with exact ends. Names: "uniform". Error(usage) for others.
std::vector<double> make_grid(const std::string& name, std::int64_t steps);

}  // namespace pathline::solvers
