#pragma once
// A host over plain double vectors that watches every rule of the ABI: which vectors are alive and written, who calls
// what after a failure, which times are asked for. It can fail any call, say any norm, and cancel. No LibTorch, so a
// plugin is examined in milliseconds, and by hand under a sanitizer (docs/conformance.md).
//
// A breach of the rules is remembered (the first one) and answered like the real host answers it, with
// PATHLINE_HOST_ERROR. Vectors are never freed while the host lives, so that using a released one is seen instead of
// being undefined.
//
// Ownership: the host owns all vectors. Thread-safety: one host, one thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "pathline/solver.h"
#include "solvers/conformance/problems.h"

namespace pathline::solvers::conformance {

/// Values for a solver's parameters.
struct Settings {
  std::vector<double> numbers;                  ///< in the order of the solver's table
  std::map<std::string, std::string> texts;     ///< of its text parameters
  std::map<std::string, std::string> contents;  ///< of those that name files
};

/// How the host is to behave.
struct Behaviour {
  std::uint64_t fail_call = 0;                    ///< fail this call of those that can fail, counted from 1; 0: none
  pathline_status failure = PATHLINE_HOST_ERROR;  ///< with this; clone gives NULL
  std::uint64_t cancel_at_step = 0;               ///< step_done number n returns PATHLINE_CANCELLED
  std::optional<double> norm;                     ///< what error_norm says, whatever it is given
  std::uint64_t most_evaluations = 300000;        ///< after these rhs returns PATHLINE_TOO_MANY_STEPS
  bool extensions = true;                         ///< whether get_extension gives any
  std::function<void()> before_call;              ///< at the start of every call
};

class StrictHost {
 public:
  StrictHost(Settings settings, Behaviour behaviour);
  ~StrictHost();
  StrictHost(const StrictHost&) = delete;
  StrictHost& operator=(const StrictHost&) = delete;

  const pathline_host* table() const noexcept { return &table_; }

  /// Between these the plugin may call. One integration at a time.
  void enter() { inside_ = true, thread_ = std::this_thread::get_id(); }
  void leave() { inside_ = false; }
  /// Begins an integration and returns its y; `problem` must outlive it.
  pathline_vector* begin(const Problem& problem, const std::vector<double>& grid);
  /// Ends it: y must not be used any more.
  State end();

  struct Step {
    double t, h, error;
    bool accepted;
  };
  struct Evaluation {
    double t;
    std::size_t steps_before;
  };
  // Since the last begin()
  const std::vector<Step>& steps() const noexcept { return steps_; }
  std::uint64_t accepted() const;
  const std::vector<Evaluation>& times() const noexcept { return times_; }
  std::uint64_t evaluations() const noexcept { return times_.size(); }
  bool saw_non_finite() const noexcept { return seen_non_finite_; }  ///< came from the field
  std::uint64_t evaluations_after_non_finite() const noexcept { return evaluations_after_non_finite_; }
  const State& last_accepted() const noexcept { return last_accepted_; }       ///< or the initial state
  std::uint64_t trace() const noexcept { return trace_; }                      ///< hash of all calls and their values
  const std::vector<std::string>& errors() const noexcept { return errors_; }  ///< logged with PATHLINE_LOG_ERROR
  // Since construction
  std::uint64_t failable_calls() const noexcept { return failable_calls_; }
  const std::string& failed_function() const noexcept { return failed_function_; }  ///< that fail_call hit; or ""
  pathline_status answered() const noexcept { return failure_; }  ///< the first failure a function returned
  const std::string& call_after_failure() const noexcept { return call_after_failure_; }  ///< that is not allowed
  const std::string& breach() const noexcept { return breach_; }                          ///< of the rules, or ""
  std::size_t clones() const noexcept { return clones_; }
  std::size_t outstanding() const;  ///< clones that were not released

 private:
  struct Vector;
  template <auto Member, typename... Arguments>
  static auto call(const pathline_host* host, Arguments... arguments) noexcept;

  pathline_status rhs(double t, const pathline_vector* y, pathline_vector* out);
  pathline_status lincomb(pathline_vector* out, std::uint32_t count, const double* coefficients,
                          const pathline_vector* const* vectors);
  pathline_status error_norm(const pathline_vector* error, const pathline_vector* y0, const pathline_vector* y1,
                             double rtol, double atol, double* result);
  pathline_status step_done(double t, double h, double error, std::int32_t accepted, const pathline_vector* y);
  pathline_vector* clone(const pathline_vector* like);
  void release(pathline_vector* vector);
  void log(std::int32_t level, const char* text);
  const void* get_extension(const char* id);
  const char* text(const char* name);
  const char* contents(const char* name, std::uint64_t* size);
  pathline_status normal(std::uint64_t draw, pathline_vector* out);

  /// The start of every call that can fail. Returns what to answer at once, or PATHLINE_OK.
  pathline_status start(const char* function, bool allowed_after_failure);
  pathline_status break_rule(const std::string& what);
  /// The vector behind a handle, or nullptr after a breach was noted.
  Vector* look_up(const pathline_vector* handle, const char* function, const char* argument, bool for_reading);
  Vector* add_vector(std::size_t size);
  void note(const void* data, std::size_t bytes);
  template <typename T>
  void note(const T& value) {
    note(&value, sizeof value);
  }
  void note(const State& values) { note(values.data(), values.size() * sizeof(double)); }

  const Settings settings_;
  const Behaviour behaviour_;
  pathline_host table_{};
  pathline_text text_{};
  pathline_noise noise_{};
  std::vector<std::unique_ptr<Vector>> vectors_;
  std::unordered_set<const void*> known_;
  const Problem* problem_ = nullptr;
  Vector* y_ = nullptr;
  double earliest_ = 0, latest_ = 0;
  bool inside_ = false;
  std::thread::id thread_;

  std::vector<Step> steps_;
  std::vector<Evaluation> times_;
  std::uint64_t evaluations_after_non_finite_ = 0, trace_ = 0;
  bool seen_non_finite_ = false;
  State last_accepted_;
  std::vector<std::string> errors_;

  std::uint64_t failable_calls_ = 0;
  std::size_t clones_ = 0;
  pathline_status failure_ = PATHLINE_OK;
  std::string failed_function_, call_after_failure_, breach_;
};

}  // namespace pathline::solvers::conformance
