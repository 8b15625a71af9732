/* Two-step Adams-Bashforth on uneven grids (Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I,
 * III.5):
 *
 *   y <- y + h ((1 + r/2) f_n - r/2 f_(n-1)),  r = h / previous h
 *
 * Order 2 with one evaluation per step, at its left end. The first step has no history: it is one of the midpoint
 * method, so n steps cost n + 1 evaluations. */

#include <pathline/solver.h>

typedef struct {
  pathline_vector *y, *now, *before, *middle; /* the state; slopes here and one step ago; state within the first step */
} vectors;

static pathline_status first_step(const pathline_host* host, double t, double h, const vectors* v) {
  const double half[] = {1, h / 2}, whole[] = {1, h};
  const pathline_vector *const half_terms[] = {v->y, v->before}, *const whole_terms[] = {v->y, v->now};
  pathline_status status;
  if ((status = host->rhs(host, t, v->y, v->before))) return status;
  if ((status = host->lincomb(host, v->middle, 2, half, half_terms))) return status;
  if ((status = host->rhs(host, t + h / 2, v->middle, v->now))) return status;
  return host->lincomb(host, v->y, 2, whole, whole_terms);
}

static pathline_status next_step(const pathline_host* host, double t, double h, double previous_h, vectors* v) {
  const double r = h / previous_h;
  const double coefficients[] = {1, h * (1 + r / 2), -h * r / 2};
  const pathline_vector* const terms[] = {v->y, v->now, v->before};
  pathline_status status;
  if ((status = host->rhs(host, t, v->y, v->now))) return status;
  if ((status = host->lincomb(host, v->y, 3, coefficients, terms))) return status;
  pathline_vector* const oldest = v->before;
  v->before = v->now;
  v->now = oldest;
  return PATHLINE_OK;
}

static pathline_status ab2_integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                     pathline_vector* y) {
  (void)instance;
  vectors v = {y, host->clone(host, y), host->clone(host, y), host->clone(host, y)};
  pathline_status status = v.now && v.before && v.middle ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  double previous_h = 0;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    const double t = problem->t[i], h = problem->t[i + 1] - t;
    status = i == 0 ? first_step(host, t, h, &v) : next_step(host, t, h, previous_h, &v);
    if (!status) status = host->step_done(host, problem->t[i + 1], h, 0, 1, y);
    previous_h = h;
  }
  host->release(host, v.now);
  host->release(host, v.before);
  host->release(host, v.middle);
  return status;
}

static const pathline_solver ab2 = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING | PATHLINE_NEEDS_HISTORY,
    .id = "ab2",
    .name = "Adams-Bashforth, two steps",
    .version = "1.0.0",
    .description =
        "Second order on the given grid for one evaluation per step, and one more for the first (midpoint) step.",
    .order = 2,
    .evaluations_per_step = 1,
    .integrate = ab2_integrate,
};

static const pathline_solver* const solvers[] = {&ab2};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
