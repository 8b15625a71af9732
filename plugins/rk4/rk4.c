/* Runge-Kutta of order 4, four evaluations per step: the two rules of Kutta, Z. Math. Phys. 46 (1901). The 3/8 rule has
 * the smaller error terms and is what torchdiffeq calls rk4; the classical one is what most books do. */

#include "common/explicit_rk.h"

static const double three_eighths_c[] = {0, 1. / 3, 2. / 3, 1};
static const double three_eighths_a[] = {1. / 3, -1. / 3, 1, 1, -1, 1};
static const double three_eighths_b[] = {1. / 8, 3. / 8, 3. / 8, 1. / 8};
static const double classical_c[] = {0, 1. / 2, 1. / 2, 1};
static const double classical_a[] = {1. / 2, 0, 1. / 2, 0, 0, 1};
static const double classical_b[] = {1. / 6, 1. / 3, 1. / 3, 1. / 6};

static const explicit_rk_method methods[] = {
    {4, three_eighths_c, three_eighths_a, three_eighths_b},
    {4, classical_c, classical_a, classical_b},
};

static pathline_status create(const pathline_host* host, const double* values, void** instance) {
  (void)host;
  *instance = (void*)&methods[values[0] == 1];
  return PATHLINE_OK;
}

static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  return explicit_rk_integrate(instance, host, problem, y);
}

static const pathline_parameter rule = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_CHOICE,
    .name = "rule",
    .doc = "which of Kutta's two rules: three_eighths (as torchdiffeq) or classical",
    .choices = "three_eighths|classical",
    .minimum = 0,
    .maximum = 1,
    .default_value = 0,
};
static const pathline_parameter* const parameters[] = {&rule};

static const pathline_solver rk4 = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING,
    .id = "rk4",
    .name = "Runge-Kutta 4",
    .version = "1.0.0",
    .description = "Fourth order on the given grid, four evaluations per step; pays at many steps and smooth fields.",
    .order = 4,
    .evaluations_per_step = 4,
    .parameter_count = 1,
    .parameters = parameters,
    .create = create,
    .integrate = integrate,
};

static const pathline_solver* const solvers[] = {&rk4};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
