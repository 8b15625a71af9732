/* A solver table that is fine, for plugins that are wrong in another way. */
#include <pathline/solver.h>

static pathline_status minimal_integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                         pathline_vector* y) {
  (void)instance, (void)host, (void)problem, (void)y;
  return PATHLINE_FAILED;
}

static const pathline_solver minimal = {
    sizeof(pathline_solver), 0, "minimal", "Minimal", "1.0", "", 1, 0, 1, 0, 0, 0, 0, minimal_integrate, 0, 0, 0, 0};
__attribute__((unused)) static const pathline_solver* const solvers[] = {&minimal};
