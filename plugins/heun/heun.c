/* Heun's method (explicit trapezoid): an Euler step, then the mean of the slopes at both ends. Order 2, two evaluations
 * per step.
 *
 *   k1 = f(t, y),  k2 = f(t + h, y + h k1),  y <- y + h/2 (k1 + k2)
 *
 * The last evaluation is at the end of the grid itself (EDM's variant drops it and is of first order in its last step;
 * this one is not). */

#include <pathline/solver.h>

static pathline_status one_step(const pathline_host* host, double t, double t_next, pathline_vector* y,
                                pathline_vector* k1, pathline_vector* k2, pathline_vector* z) {
  const double h = t_next - t;
  const double predictor[] = {1, h}, corrector[] = {1, 0.5 * h, 0.5 * h};
  const pathline_vector* const terms[] = {y, k1, k2};
  pathline_status status;
  if ((status = host->rhs(host, t, y, k1))) return status;
  if ((status = host->lincomb(host, z, 2, predictor, terms))) return status;
  if ((status = host->rhs(host, t_next, z, k2))) return status;
  if ((status = host->lincomb(host, y, 3, corrector, terms))) return status;
  return host->step_done(host, t_next, h, 0, 1, y);
}

static pathline_status heun_integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                      pathline_vector* y) {
  (void)instance;
  pathline_vector* k1 = host->clone(host, y);
  pathline_vector* k2 = host->clone(host, y);
  pathline_vector* z = host->clone(host, y);

  pathline_status status = k1 && k2 && z ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    status = one_step(host, problem->t[i], problem->t[i + 1], y, k1, k2, z);
  }
  host->release(host, k1);
  host->release(host, k2);
  host->release(host, z);
  return status;
}

static const pathline_solver heun = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING,
    .id = "heun",
    .name = "Heun (explicit trapezoid)",
    .version = "1.0.0",
    .description =
        "Second order on the given grid, two evaluations per step; a good default from about eight steps on.",
    .order = 2,
    .evaluations_per_step = 2,
    .integrate = heun_integrate,
};

static const pathline_solver* const solvers[] = {&heun};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
