/* Cannot be loaded a second time into a process. */
#include <stdlib.h>

#include "minimal_solver.h"

__attribute__((constructor)) static void register_once(void) {
  if (getenv("PATHLINE_TEST_LOADED_ONCE")) abort();
  setenv("PATHLINE_TEST_LOADED_ONCE", "1", 1);
}

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
