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
#include <optional>
#include <string>
#include <vector>

namespace at {
class Tensor;  // so that finding and checking plugins needs no LibTorch
}

namespace pathline::solvers {

struct Parameter {
  std::string name, doc;
  double minimum = 0, maximum = 0, default_value = 0;
  bool integer = false;                     ///< whole numbers only
  std::vector<std::string> choices;         ///< names of minimum, minimum + 1, …; empty if the values have no names
  bool text = false;                        ///< a text: the fields above do not apply
  bool file = false;                        ///< a text that names a file
  std::optional<std::string> default_text;  ///< of a text; nothing: must be given
};

/// Value of a parameter: a number, or a text.
struct ParameterValue {
  ParameterValue(double value = 0) : number(value) {}
  double number = 0;
  std::string text;
  std::shared_ptr<const std::string> contents;  ///< of the file that `text` names, read once
  std::string sha256;                           ///< of the contents
};
using Parameters = std::map<std::string, ParameterValue>;

struct SolverInfo {
  std::string id, name, version, description;
  int order = 0;
  int embedded_order = 0;             ///< of the error estimate; 0 = none
  double evaluations_per_step = 0;    ///< declared, per attempted step
  bool adaptive = false;              ///< chooses its own steps by rtol and atol
  bool descending = false;            ///< also integrates from large to small t
  bool needs_history = false;         ///< multistep
  bool stochastic = false;            ///< draws noise
  bool linear_path = false;           ///< right for flows of the path x_t = (1 - t) x0 + t x1 only
  std::vector<Parameter> parameters;  ///< numbers in the plugin's order, then texts
  std::filesystem::path file;         ///< absolute path of the shared object
  std::string sha256;                 ///< of the shared object
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

/// A value as users write it (`--param name=value`): a number within the parameter's range, the name of a choice, a
/// text, or a file, which is read here. Error(usage) for an unknown name (with the nearest), a wrong type, a value out
/// of range, a text of more than 4096 bytes or with control characters or ';' (which separates parameters in records).
/// Error(file_system) for a file that cannot be read, Error(bad_input) for one larger than 16 MiB.
ParameterValue parse_parameter(const SolverInfo& solver, const std::string& name, const std::string& text);

/// Makes an instance of the solver and ends it, to find mistakes before the work begins. Error(usage) for a parameter
/// that is unknown, missing or out of range; if the solver itself refuses the values given: Error(bad_input) where a
/// file is among them, else Error(usage), with what it says. Error(bad_input) if it refuses its own defaults, or comes
/// back with anything else.
void check_parameters(const Solver& solver, const Parameters& given);

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

/// What the noise of a stochastic solver is drawn from: sample i of the batch gets the draws of (seed, samples[i]),
/// purpose `solver_noise` (docs/random-numbers.md).
struct NoiseKeys {
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> samples;
};

struct IntegrateOptions {
  std::vector<double> grid;  ///< t[0..n], strictly monotonic; adaptive solvers use its ends
  double rtol = 1e-5, atol = 1e-5;
  Parameters parameters;           ///< missing ones take their defaults; unknown or out of range: Error(usage)
  std::optional<NoiseKeys> noise;  ///< a stochastic solver needs it, others ignore it
  std::uint64_t max_evaluations = 100000;
  /// Vectors that the solver may hold at a time: many times what any method needs, against clones without end. A
  /// failure of the plugin (host_error).
  std::size_t max_vectors = 1000;
  bool batch_norm =
      false;  ///< error norm: false = maximum over samples of the RMS over a sample; true = RMS over everything
  std::function<bool(double t, double h, bool accepted)> on_step;  ///< return false to cancel
  /// Takes the solver's remarks (PATHLINE_LOG_…, below error); empty: log_remark.
  std::function<void(std::int32_t level, const std::string& line)> on_remark;
};

struct IntegrateResult {
  Status status = Status::done;
  std::string message;  ///< why, in words; empty when done
  std::uint64_t evaluations = 0, accepted = 0, rejected = 0;
  double t_final = 0;                     ///< the last time that was reached with a finite state
  double smallest_t = 0, largest_t = 0;   ///< range of times the field was asked at
  double seconds = 0, field_seconds = 0;  ///< solver_seconds = seconds - field_seconds
};

/// Shows a remark of a solver in the program's log.
void log_remark(const SolverInfo& solver, std::int32_t level, const std::string& line);

/// Integrates `y` ([B, …], float32 or float64, contiguous) in place. Whatever ends an integration early comes back as
/// the status, with `y` as far as it got (after non_finite of a fixed-step solver it holds the non-finite values).
/// Asking the field outside [t0, t1] is refused and ends with host_error. An exception thrown by the field ends the
/// integration and is rethrown here. Error(usage): options that do not fit the solver or the state. Error(bad_input): a
/// non-finite initial state; a plugin that breaks the rules of the ABI (leaks vectors, lets an exception out). On the
/// CPU every step is checked for non-finite values, on other devices every eighth and the last (each check waits for
/// the device).
IntegrateResult integrate(const Solver& solver, at::Tensor& y, const VelocityField& field,
                          const IntegrateOptions& options);

/// t[0..steps], strictly ascending from exactly 0 (noise) to exactly 1 (data); with u = i/steps:
///   "uniform"         u
///   "shift:S"         u / (S − (S − 1) u), the time shift of Stable Diffusion 3 (Esser et al. 2024, eq. 23, where
///                     σ = 1 − t): S > 1 puts more steps near the noise; S = 3 if left out
///   "rho:R"           EDM's steps (Karras et al. 2022, eq. 5, σ from 80 to 0.002, then 0) at t = 1/(1 + σ), the first
///                     moved to 0; R = 7 if left out
///   "cosine"          (1 − cos πu)/2, denser at both ends
///   "0,0.1,…,1"       these times; their number must fit `steps`
/// Error(usage) for anything else, for a list that is not ascending from 0 to 1, and for so many steps that two of them
/// fall together.
std::vector<double> make_grid(const std::string& spec, std::int64_t steps);
/// How many steps a grid that lists its times has; nothing for the others.
std::optional<std::int64_t> listed_steps(const std::string& spec);

}  // namespace pathline::solvers
