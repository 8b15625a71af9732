#pragma once
// One integration as the plugin sees it: the host table of the ABI over tensors and a velocity field, with everything
// counted and checked. Internal to `solvers`; use integrate() of solvers/solver_host.h.
//
// Thread-safety: none; lives on the stack of integrate(). Its address is in the table, so it neither moves nor copies.

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>

#include "pathline/solver.h"
#include "solvers/solver_host.h"
#include "solvers/vector_pool.h"

namespace pathline::solvers {

class Integration {
 public:
  /// `parameters`: every text parameter of the solver has its value in it. The references outlive this object.
  Integration(const SolverInfo& solver, at::Tensor& y, const VelocityField& field, const IntegrateOptions& options,
              const Parameters& parameters);
  Integration(const Integration&) = delete;
  Integration& operator=(const Integration&) = delete;

  const pathline_host* host() const noexcept { return &host_; }
  pathline_vector* state() noexcept { return pool_.state(); }

  /// What `integrate` returned, if it may return that by itself; otherwise a rule is broken, and this is a failure.
  pathline_status status_of_integrate(pathline_status returned);
  /// What the plugin's return value comes to after all that was seen. Rethrows an exception of the field.
  IntegrateResult finish(pathline_status returned);

 private:
  // The functions of the table, as members. Those with a status keep the first failure: from then on rhs, error_norm
  // and step_done return it again, so that a plugin which ignores it can neither go on nor report success.
  pathline_vector* clone(const pathline_vector* like);
  void release(pathline_vector* vector);
  pathline_status rhs(double t, const pathline_vector* y, pathline_vector* out);
  pathline_status lincomb(pathline_vector* out, std::uint32_t count, const double* coefficients,
                          const pathline_vector* const* vectors);
  pathline_status error_norm(const pathline_vector* error, const pathline_vector* y0, const pathline_vector* y1,
                             double rtol, double atol, double* result);
  pathline_status step_done(double t, double h, bool accepted, const pathline_vector* y);
  void log(std::int32_t level, const char* text);
  const void* get_extension(const char* id) const;
  const char* text(const char* name) const;
  const char* contents(const char* name, std::uint64_t* size) const;
  pathline_status normal(std::uint64_t draw, pathline_vector* out);

  template <auto Member, typename... Arguments>
  static auto call(const pathline_host* host, Arguments... arguments) noexcept;

  void evaluate(double t, const at::Tensor& y, pathline_vector* out);
  bool finite(const pathline_vector* vector);
  pathline_status fail(pathline_status status, std::string message);
  bool state_is_due_for_check() const;

  const SolverInfo& solver_;
  const VelocityField& field_;
  const IntegrateOptions& options_;
  double earliest_, latest_;  // ends of the grid in ascending order
  const Parameters& parameters_;
  VectorPool pool_;
  pathline_host host_{};
  pathline_text text_{};
  pathline_noise noise_{};
  IntegrateResult result_;
  double t_reached_;
  std::string plugin_message_;
  pathline_status failure_ = PATHLINE_OK;
  std::string failure_message_;
  std::exception_ptr exception_;
};

}  // namespace pathline::solvers
