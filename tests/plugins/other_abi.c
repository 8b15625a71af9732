/* A plugin for another major version of the ABI. Refused before its code runs. */
#include <pathline/solver.h>
#include <stdlib.h>

__attribute__((constructor)) static void run_me_never(void) {
  abort();
}

static const pathline_solver* const solvers[] = {0};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR + 98, 7, 1, solvers};
