/* A shared object that is no plugin, and must not be run to find that out. */
#include <stdlib.h>

__attribute__((constructor)) static void run_me_never(void) {
  abort();
}

__attribute__((visibility("default"))) int some_function(void) {
  return 1;
}
