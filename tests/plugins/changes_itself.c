/* Replaces its own file while it is being loaded: what was hashed before is not what lies there afterwards. The file to
 * replace is named by an environment variable. */
#include <stdio.h>
#include <stdlib.h>

#include "minimal_solver.h"

__attribute__((constructor)) static void replace_file(void) {
  const char* const path = getenv("PATHLINE_TEST_REPLACE");
  if (!path) return;
  FILE* const file = fopen(path, "ab"); /* appends: what is mapped stays */
  if (!file) return;
  fputc('x', file);
  fclose(file);
}

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
