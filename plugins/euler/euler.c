/* Explicit Euler: y <- y + h f(t, y). Order 1, one evaluation per step, at the left end of each interval. */

#include <pathline/solver.h>

static pathline_status euler_integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                       pathline_vector* y) {
  (void)instance;
  pathline_vector* k = host->clone(host, y);
  if (!k) return PATHLINE_OUT_OF_MEMORY;

  pathline_status status = PATHLINE_OK;
  for (uint32_t i = 0; i < problem->steps; ++i) {
    const double h = problem->t[i + 1] - problem->t[i];
    const double coefficients[] = {1, h};
    const pathline_vector* const terms[] = {y, k};
    if ((status = host->rhs(host, problem->t[i], y, k))) break;
    if ((status = host->lincomb(host, y, 2, coefficients, terms))) break;
    if ((status = host->step_done(host, problem->t[i + 1], h, 0, 1, y))) break;
  }
  host->release(host, k);
  return status;
}

static const pathline_solver euler = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING,
    .id = "euler",
    .name = "Euler",
    .version = "1.0.0",
    .description = "Explicit Euler on the given grid; the cheapest step, and the usual baseline.",
    .order = 1,
    .evaluations_per_step = 1,
    .integrate = euler_integrate,
};

static const pathline_solver* const solvers[] = {&euler};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
