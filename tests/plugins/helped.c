/* Uses a library that lies beside it, found through $ORIGIN. */
#include <pathline/solver.h>

int help(void);

static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  (void)instance, (void)host, (void)problem, (void)y;
  return help();
}

static const pathline_solver minimal = {
    sizeof(pathline_solver), 0, "minimal", "Minimal", "1.0", "", 1, 0, 1, 0, 0, 0, 0, integrate, 0, 0, 0, 0};
static const pathline_solver* const solvers[] = {&minimal};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
