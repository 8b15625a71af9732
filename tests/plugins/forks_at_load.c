/* Starts eight processes while it is being loaded, each of which starts one more, in sessions of their own. All wait
 * for two minutes at most. With PATHLINE_TEST_HANG in the environment the loading waits as well. */
#include <stdlib.h>
#include <unistd.h>

#include "minimal_solver.h"

__attribute__((constructor)) static void start_processes(void) {
  for (int i = 0; i < 8; ++i) {
    if (fork() != 0) continue;
    setsid();
    (void)!fork();
    sleep(120);
    _exit(0);
  }
  if (getenv("PATHLINE_TEST_HANG")) sleep(120);
}

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
