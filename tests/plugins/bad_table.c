/* Loads, but its second solver has no integrate function. */
#include "minimal_solver.h"

static const pathline_solver empty = {
    sizeof(pathline_solver), 0, "empty", "Empty", "1.0", "", 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const pathline_solver* const two_solvers[] = {&minimal, &empty};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 2,
                                               two_solvers};
