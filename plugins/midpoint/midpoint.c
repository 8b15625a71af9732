/* The explicit midpoint method (Runge, Math. Ann. 46, 1895): half an Euler step, then a whole one with the slope found
 * there. Order 2, two evaluations per step, none at the end of the grid. docs/examples/midpoint.c writes it out. */

#include "common/explicit_rk.h"

static const double c[] = {0, 0.5}, a[] = {0.5}, b[] = {0, 1};
static const explicit_rk_method method = {2, c, a, b};

static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  (void)instance;
  return explicit_rk_integrate(&method, host, problem, y);
}

static const pathline_solver midpoint = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING,
    .id = "midpoint",
    .name = "Midpoint",
    .version = "1.0.0",
    .description = "Second order on the given grid, two evaluations per step; never asks at the end itself.",
    .order = 2,
    .evaluations_per_step = 2,
    .integrate = integrate,
};

static const pathline_solver* const solvers[] = {&midpoint};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
