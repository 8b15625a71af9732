/* Tsitouras 5(4): adaptive, seven stages, first same as last.
 *
 * Coefficients: Tsitouras, Comput. Math. Appl. 62 (2011), table 1. They are decimal because the method comes from a
 * search, not from a formula. */

#include "common/adaptive_rk.h"

enum { STAGES = 7 };

static const double c[STAGES] = {0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1};
static const double a[STAGES][ADAPTIVE_RK_MOST_STAGES - 1] = {
    {0},
    {0.161},
    {-0.008480655492356989, 0.335480655492357},
    {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
    {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
    {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383},
    /* also the weights of the solution */
    {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774},
};
static const double error_weights[STAGES] = {0.00178001105222577714,
                                             0.0008164344596567469,
                                             -0.007880878010261995,
                                             0.1447110071732629,
                                             -0.5823571654525552,
                                             0.45808210592918697,
                                             -1. / 66};

static pathline_status create(const pathline_host* host, const double* values, void** instance) {
  static const adaptive_rk_method method = {STAGES, 4, c, a, error_weights};
  return adaptive_rk_create(&method, host, values, instance);
}

static const pathline_parameter* const parameters[] = {ADAPTIVE_RK_PARAMETERS};

static const pathline_solver tsit5 = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_ADAPTIVE | PATHLINE_DESCENDING,
    .id = "tsit5",
    .name = "Tsitouras 5(4)",
    .version = "1.0.0",
    .description = "Adaptive fifth order with smaller error terms than dopri5 for the same six evaluations per step.",
    .order = 5,
    .embedded_order = 4,
    .evaluations_per_step = 6,
    .parameter_count = ADAPTIVE_RK_PARAMETER_COUNT,
    .parameters = parameters,
    ADAPTIVE_RK_FUNCTIONS,
};

static const pathline_solver* const solvers[] = {&tsit5};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
