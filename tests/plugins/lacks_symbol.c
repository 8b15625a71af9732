/* Needs a function that nobody has. */
#include "minimal_solver.h"

void function_that_nobody_has(void);
__attribute__((visibility("default"))) void call_it(void) {
  function_that_nobody_has();
}

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
