// A plugin in C++ with two solvers: Euler under two ids, one of which has parameters of every kind.

#include <new>

#include <pathline/solver.h>

namespace {

struct Scaled {
  double factor;
};

pathline_status create(const pathline_host*, const double* values, void** instance) {
  *instance = new (std::nothrow) Scaled{values[0]};
  return *instance ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
}

/// Euler with every velocity times the factor.
pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                          pathline_vector* y) {
  const double factor = instance ? static_cast<Scaled*>(instance)->factor : 1;
  pathline_vector* const k = host->clone(host, y);
  pathline_status status = k ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    const double h = problem->t[i + 1] - problem->t[i];
    const double coefficients[] = {1, factor * h};
    const pathline_vector* const terms[] = {y, k};
    if ((status = host->rhs(host, problem->t[i], y, k))) break;
    if ((status = host->lincomb(host, y, 2, coefficients, terms))) break;
    status = host->step_done(host, problem->t[i + 1], h, 0, 1, y);
  }
  host->release(host, k);
  return status;
}

void destroy(void* instance, const pathline_host*) {
  delete static_cast<Scaled*>(instance);
}

constexpr pathline_parameter factor = {
    sizeof(pathline_parameter), PATHLINE_PARAMETER_REAL, "factor", "scales the velocity", nullptr, -2, 2, 1};
constexpr pathline_parameter count = {
    sizeof(pathline_parameter), PATHLINE_PARAMETER_INTEGER, "count", "unused", nullptr, 1, 9, 3};
constexpr pathline_parameter mode = {
    sizeof(pathline_parameter), PATHLINE_PARAMETER_CHOICE, "mode", "unused", "calm|wild", 0, 1, 0};
constexpr const pathline_parameter* parameters[] = {&factor, &count, &mode};

constexpr pathline_solver plain = {sizeof(pathline_solver),
                                   0,
                                   "plain",
                                   "Plain Euler",
                                   "1.0",
                                   "Ascending grids only.",
                                   1,
                                   0,
                                   1,
                                   0,
                                   0,
                                   nullptr,
                                   nullptr,
                                   integrate,
                                   nullptr,
                                   0,
                                   0,
                                   nullptr};
constexpr pathline_solver scaled = {sizeof(pathline_solver),
                                    PATHLINE_DESCENDING,
                                    "scaled",
                                    "Scaled Euler",
                                    "1.0",
                                    "",
                                    1,
                                    0,
                                    1,
                                    3,
                                    0,
                                    parameters,
                                    create,
                                    integrate,
                                    destroy,
                                    0,
                                    0,
                                    nullptr};
constexpr const pathline_solver* solvers[] = {&plain, &scaled};

}  // namespace

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 2,
                                               solvers};
