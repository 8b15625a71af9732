/* Switches denormal numbers off when it is loaded, as the start-up code of -ffast-math does. */
#include "minimal_solver.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

__attribute__((constructor)) static void flush_to_zero(void) {
  _mm_setcsr(_mm_getcsr() | 0x8040);
}
#endif

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
