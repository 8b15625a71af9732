/* @id@: a solver plugin for pathline. It starts as Ralston's method (order 2); make it yours. */
#include <pathline/solver.h>

/* Advances y in place over the grid. Whatever is not PATHLINE_OK ends the integration and is returned. */
static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  (void)instance;
  pathline_vector* k1 = host->clone(host, y); /* unspecified contents: write before reading */
  pathline_vector* k2 = host->clone(host, y);
  pathline_vector* stage = host->clone(host, y);
  pathline_status status = k1 && k2 && stage ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    const double t = problem->t[i], h = problem->t[i + 1] - t; /* h is negative on descending grids */
    const pathline_vector* const terms[] = {y, k1, k2};
    const double to_stage[] = {1, h * 2 / 3}, to_end[] = {1, h / 4, h * 3 / 4};
    if ((status = host->rhs(host, t, y, k1))) break; /* k1 = f(t, y) */
    if ((status = host->lincomb(host, stage, 2, to_stage, terms))) break;
    if ((status = host->rhs(host, t + h * 2 / 3, stage, k2))) break;
    if ((status = host->lincomb(host, y, 3, to_end, terms))) break;
    status = host->step_done(host, problem->t[i + 1], h, 0, 1, y); /* times of the grid itself, not t + h */
  }
  host->release(host, k1); /* on every way out; NULL is fine */
  host->release(host, k2);
  host->release(host, stage);
  return status;
}

static const pathline_solver solver = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING,
    .id = "@id@",
    .name = "@id@",
    .version = "0.1.0",
    .description = "Ralston's second-order method.",
    .order = 2,
    .evaluations_per_step = 2,
    .integrate = integrate,
};
static const pathline_solver* const solvers[] = {&solver};
const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
