/* Leaves a trace of every time its constructor runs: a line in the file that an environment variable names. */
#include <stdio.h>
#include <stdlib.h>

#include "minimal_solver.h"

__attribute__((constructor)) static void leave_trace(void) {
  const char* const path = getenv("PATHLINE_TEST_TRACE");
  FILE* const file = path ? fopen(path, "a") : NULL;
  if (!file) return;
  fputs("loaded\n", file);
  fclose(file);
}

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
