/* The midpoint method: half an Euler step, then a whole one with the slope found there. Order 2. */
#include <pathline/solver.h>

static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  (void)instance;
  pathline_vector* k = host->clone(host, y);
  pathline_vector* middle = host->clone(host, y);
  pathline_status status = k && middle ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    const double t = problem->t[i], h = problem->t[i + 1] - t;
    const double half[] = {1, h / 2}, whole[] = {1, h};
    const pathline_vector* const terms[] = {y, k};
    if ((status = host->rhs(host, t, y, k))) break;
    if ((status = host->lincomb(host, middle, 2, half, terms))) break;
    if ((status = host->rhs(host, t + h / 2, middle, k))) break;
    if ((status = host->lincomb(host, y, 2, whole, terms))) break;
    status = host->step_done(host, problem->t[i + 1], h, 0, 1, y);
  }
  host->release(host, k);
  host->release(host, middle);
  return status;
}

static const pathline_solver midpoint = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING,
    .id = "my-midpoint",
    .name = "Midpoint",
    .version = "1.0.0",
    .description = "Explicit midpoint method.",
    .order = 2,
    .evaluations_per_step = 2,
    .integrate = integrate,
};
static const pathline_solver* const solvers[] = {&midpoint};
const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
