/* Never gets done loading. */
#include <unistd.h>

#include "minimal_solver.h"

__attribute__((constructor)) static void wait_forever(void) {
  for (;;) pause();
}

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
