/* A library that a plugin brings along (helped.c). */
#include <pathline/solver.h>

PATHLINE_EXPORT int help(void);
int help(void) {
  return 8; /* PATHLINE_FAILED */
}
