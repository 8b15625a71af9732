#ifndef PATHLINE_PLUGINS_EXPLICIT_RK_H
#define PATHLINE_PLUGINS_EXPLICIT_RK_H
/* Explicit Runge-Kutta methods with one step per interval of the host's grid, from their coefficients:
 *
 *   k[i] = f(t + c[i] h, y + h sum over j < i of a[i][j] k[j]),  y <- y + h sum of b[i] k[i]
 *
 * Evaluations: one per stage and step. Memory: stages + 1 vectors besides y. */

#include <pathline/solver.h>
#include <stddef.h>

enum { EXPLICIT_RK_MOST_STAGES = 32 };

typedef struct {
  int stages;      /* 1 to EXPLICIT_RK_MOST_STAGES */
  const double* c; /* in [0, 1]; c[0] = 0 */
  const double* a; /* the rows 1, 2, ... one after another; row i has i values */
  const double* b;
} explicit_rk_method;

/* t + c h, by the step's own ends where c says so, and never beyond them by a rounding. */
static double explicit_rk_stage_time(double t, double t_next, double c) {
  if (c == 0) return t;
  const double h = t_next - t, stage = t + c * h;
  return c == 1 || (t_next - stage) * h < 0 ? t_next : stage;
}

static pathline_status explicit_rk_step(const explicit_rk_method* method, const pathline_host* host, double t,
                                        double t_next, pathline_vector* y, pathline_vector* z, pathline_vector** k) {
  const double h = t_next - t;
  double coefficients[EXPLICIT_RK_MOST_STAGES + 1] = {1};
  const pathline_vector* terms[EXPLICIT_RK_MOST_STAGES + 1] = {y};
  const double* row = method->a;
  pathline_status status;
  for (int i = 0; i < method->stages; ++i) {
    for (int j = 0; j < i; ++j) coefficients[j + 1] = h * row[j];
    row += i;
    if (i > 0 && (status = host->lincomb(host, z, (uint32_t)i + 1, coefficients, terms))) return status;
    const double t_stage = explicit_rk_stage_time(t, t_next, method->c[i]);
    if ((status = host->rhs(host, t_stage, i > 0 ? z : y, k[i]))) return status;
    terms[i + 1] = k[i];
  }
  for (int i = 0; i < method->stages; ++i) coefficients[i + 1] = h * method->b[i];
  if ((status = host->lincomb(host, y, (uint32_t)method->stages + 1, coefficients, terms))) return status;
  return host->step_done(host, t_next, h, 0, 1, y);
}

static pathline_status explicit_rk_integrate(const explicit_rk_method* method, const pathline_host* host,
                                             const pathline_problem* problem, pathline_vector* y) {
  pathline_vector* k[EXPLICIT_RK_MOST_STAGES];
  pathline_vector* const z = host->clone(host, y);
  int complete = z != NULL;
  for (int i = 0; i < method->stages; ++i) {
    k[i] = host->clone(host, y);
    complete = complete && k[i];
  }
  pathline_status status = complete ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    status = explicit_rk_step(method, host, problem->t[i], problem->t[i + 1], y, z, k);
  }
  host->release(host, z);
  for (int i = 0; i < method->stages; ++i) host->release(host, k[i]);
  return status;
}

#endif
