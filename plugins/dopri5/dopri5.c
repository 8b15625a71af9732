/* Dormand-Prince 5(4): adaptive, seven stages, first same as last.
 *
 * Coefficients: Dormand & Prince, J. Comp. Appl. Math. 6 (1980). Second error estimate: Shampine, Math. Comp. 46
 * (1986), the one torchdiffeq, torchode and diffrax use; it is exactly 2/3 of the classic one, so at equal tolerances
 * it accepts errors 1.5 times larger. */

#include "common/adaptive_rk.h"

enum { STAGES = 7, ESTIMATE = ADAPTIVE_RK_PARAMETER_COUNT, PARAMETERS };

static const double c[STAGES] = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
static const double a[STAGES][ADAPTIVE_RK_MOST_STAGES - 1] = {
    {0},
    {1. / 5},
    {3. / 40, 9. / 40},
    {44. / 45, -56. / 15, 32. / 9},
    {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
    {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
    {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}, /* also the weights of the solution */
};
static const double error_weights[2][STAGES] = {
    {71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40},
    {71. / 86400, 0, -142. / 50085, 71. / 2880, -5751. / 169600, 44. / 1575, -1. / 60},
};

static pathline_status create(const pathline_host* host, const double* values, void** instance) {
  const adaptive_rk_method method = {
      .stages = STAGES, .estimate_order = 4, .c = c, .a = a, .error_weights = error_weights[values[ESTIMATE] == 1]};
  return adaptive_rk_create(&method, host, values, instance);
}

static const pathline_parameter estimate_parameter = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_CHOICE,
    .name = "estimate",
    .doc =
        "error estimate: classic (SciPy, Boost, SUNDIALS) or shampine (torchdiffeq, torchode, diffrax), 2/3 as large",
    .choices = "classic|shampine",
    .minimum = 0,
    .maximum = 1,
    .default_value = 0,
};
static const pathline_parameter* const parameters[PARAMETERS] = {
    ADAPTIVE_RK_PARAMETERS,
    [ESTIMATE] = &estimate_parameter,
};

static const pathline_solver solver = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_ADAPTIVE | PATHLINE_DESCENDING,
    .id = "dopri5",
    .name = "Dormand-Prince 5(4)",
    .version = "1.0.0",
    .description =
        "Adaptive fifth order with a fourth-order error estimate; steps by rtol and atol, the last one ends exactly at "
        "the end.",
    .order = 5,
    .embedded_order = 4,
    .evaluations_per_step = 6,
    .parameter_count = PARAMETERS,
    .parameters = parameters,
    ADAPTIVE_RK_FUNCTIONS,
};

static const pathline_solver* const solvers[] = {&solver};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
