/* Bogacki-Shampine 3(2): adaptive, four stages, first same as last.
 *
 * Coefficients: Bogacki & Shampine, Appl. Math. Lett. 2 (1989). */

#include "common/adaptive_rk.h"

enum { STAGES = 4 };

static const double c[STAGES] = {0, 1. / 2, 3. / 4, 1};
static const double a[STAGES][ADAPTIVE_RK_MOST_STAGES - 1] = {
    {0}, {1. / 2}, {0, 3. / 4}, {2. / 9, 1. / 3, 4. / 9}, /* also the weights of the solution */
};
static const double error_weights[STAGES] = {-5. / 72, 1. / 12, 1. / 9, -1. / 8};

static pathline_status create(const pathline_host* host, const double* values, void** instance) {
  static const adaptive_rk_method method = {STAGES, 2, c, a, error_weights};
  return adaptive_rk_create(&method, host, values, instance);
}

static const pathline_parameter* const parameters[] = {ADAPTIVE_RK_PARAMETERS};

static const pathline_solver bosh3 = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_ADAPTIVE | PATHLINE_DESCENDING,
    .id = "bosh3",
    .name = "Bogacki-Shampine 3(2)",
    .version = "1.0.0",
    .description = "Adaptive third order, three evaluations per step; cheaper than dopri5 at loose tolerances.",
    .order = 3,
    .embedded_order = 2,
    .evaluations_per_step = 3,
    .parameter_count = ADAPTIVE_RK_PARAMETER_COUNT,
    .parameters = parameters,
    ADAPTIVE_RK_FUNCTIONS,
};

static const pathline_solver* const solvers[] = {&bosh3};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
