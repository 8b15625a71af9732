#ifndef PATHLINE_PLUGINS_ADAPTIVE_RK_H
#define PATHLINE_PLUGINS_ADAPTIVE_RK_H
/* Explicit Runge-Kutta pairs with step control, for pairs that are first same as last (FSAL): the last stage is at the
 * end of the step with the weights of the solution, and serves as first stage of the next step.
 *
 * Step control and first step: Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, section II.4. The
 * last step is clipped to the end of the interval.
 *
 * Evaluations: stages - 1 per attempt, 1 at the start, 1 more when the first step is chosen here. Memory: stages + 1
 * vectors besides y (the slopes and the next state, which also serves the stages; the error goes where the second slope
 * was, for no later sum reads that).
 *
 * A plugin defines `create`, which gives its coefficients to adaptive_rk_create, lists ADAPTIVE_RK_PARAMETERS first
 * among its parameters, and puts ADAPTIVE_RK_FUNCTIONS into its table. */

#include <float.h>
#include <math.h>
#include <pathline/solver.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADAPTIVE_RK_MOST_STAGES = 7 };

typedef struct {
  int stages;                                     /* 4 to ADAPTIVE_RK_MOST_STAGES */
  int estimate_order;                             /* the error estimate falls as h^(estimate_order + 1) */
  const double* c;                                /* c[0] = 0, c[stages - 1] = 1 */
  const double (*a)[ADAPTIVE_RK_MOST_STAGES - 1]; /* the last row holds the weights of the solution */
  const double* error_weights;                    /* the solution's minus those of the one it is compared with */
} adaptive_rk_method;

/* err^-alpha * previous_err^beta, alpha = 1/(estimate_order + 1) - 0.75 beta; beta = 0 is integral control. */
static const double PI_BETA = 0.04;
static const double SAFETY = 0.9, SMALLEST_FACTOR = 0.2, LARGEST_FACTOR = 10, SMALLEST_PREVIOUS_ERROR = 1e-4;

/* A step into NaN is retried at a quarter, and stays that small until it has passed the end of the step that failed.
 * Where that does not help, the field is to blame: stop after so many failures, or when after so many attempts since
 * the first it still fails. */
static const double NON_FINITE_FACTOR = 0.25;
enum { NON_FINITE_FAILURES = 5, NON_FINITE_ATTEMPTS = 5 };

enum {
  ADAPTIVE_RK_CONTROLLER,
  ADAPTIVE_RK_FIRST_STEP,
  ADAPTIVE_RK_MAX_STEP,
  ADAPTIVE_RK_MAX_ATTEMPTS,
  ADAPTIVE_RK_PARAMETER_COUNT
};

typedef struct {
  const pathline_host* host;
  adaptive_rk_method method;
  double alpha, beta; /* exponents of the step control */
  double first_step, max_step, max_attempts;

  double rtol, atol;
  double start, end, direction; /* +1 or -1 */
  pathline_vector* y;           /* the caller's, where the result must end up */
  pathline_vector* now;         /* the state at t: y or next_storage, they take turns */
  pathline_vector* next;
  pathline_vector* k[ADAPTIVE_RK_MOST_STAGES];
} adaptive_rk;

/* What the step control remembers from attempt to attempt. */
typedef struct {
  double h; /* size of the next attempt, positive */
  double previous_error;
  int after_rejection;
  int failures, attempts_since_failure; /* non-finite attempts */
  double failed_until, cap;             /* end of the latest of them; largest step allowed until it has been passed */
} control;

/* k[i] = f(t_stage, now + h sum of a[i][j] k[j]); leaves that state in next. */
static pathline_status stage(adaptive_rk* s, double h, int i, double t_stage) {
  double coefficients[ADAPTIVE_RK_MOST_STAGES];
  const pathline_vector* terms[ADAPTIVE_RK_MOST_STAGES];
  coefficients[0] = 1;
  terms[0] = s->now;
  for (int j = 0; j < i; ++j) {
    coefficients[j + 1] = h * s->method.a[i][j];
    terms[j + 1] = s->k[j];
  }
  pathline_status status = s->host->lincomb(s->host, s->next, (uint32_t)i + 1, coefficients, terms);
  return status ? status : s->host->rhs(s->host, t_stage, s->next, s->k[i]);
}

/* From (t, now) to (t_next, next) with the slope k[0] known; leaves the slope at the new point in
 * the last k. h is signed. */
static pathline_status attempt(adaptive_rk* s, double t, double t_next, double h, double* error) {
  const int stages = s->method.stages;
  const double* const c = s->method.c;
  pathline_status status;
  for (int i = 1; i < stages; ++i) {
    /* Stages at c = 1 use the end of the step itself: t + h may lie one rounding beyond the grid's end. */
    if ((status = stage(s, h, i, c[i] == 1 ? t_next : t + c[i] * h))) return status;
  }
  double coefficients[ADAPTIVE_RK_MOST_STAGES];
  const pathline_vector* terms[ADAPTIVE_RK_MOST_STAGES];
  for (int i = 0; i < stages; ++i) {
    coefficients[i] = h * s->method.error_weights[i];
    terms[i] = s->k[i];
  }
  if ((status = s->host->lincomb(s->host, s->k[1], (uint32_t)stages, coefficients, terms))) return status;
  return s->host->error_norm(s->host, s->k[1], s->now, s->next, s->rtol, s->atol, error);
}

/* Hairer, Norsett & Wanner II.4, with the trial step held inside the interval. k[0] is known; uses next, k[1] and k[2].
 */
static pathline_status choose_first_step(adaptive_rk* s, double interval, double* h) {
  const pathline_host* host = s->host;
  double d0, d1, d2;
  pathline_status status;
  if ((status = host->error_norm(host, s->now, s->now, s->now, s->rtol, s->atol, &d0))) return status;
  if ((status = host->error_norm(host, s->k[0], s->now, s->now, s->rtol, s->atol, &d1))) return status;
  double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
  if (!(h0 < interval)) h0 = interval;

  const double euler[] = {1, s->direction * h0}, difference[] = {1, -1};
  const pathline_vector* const euler_terms[] = {s->now, s->k[0]};
  const pathline_vector* const difference_terms[] = {s->k[1], s->k[0]};
  if ((status = host->lincomb(host, s->next, 2, euler, euler_terms))) return status;
  const double t_trial = h0 < interval ? s->start + s->direction * h0 : s->end;
  if ((status = host->rhs(host, t_trial, s->next, s->k[1]))) return status;
  if ((status = host->lincomb(host, s->k[2], 2, difference, difference_terms))) return status;
  if ((status = host->error_norm(host, s->k[2], s->now, s->now, s->rtol, s->atol, &d2))) return status;
  d2 /= h0;

  const double largest = fmax(d1, d2);
  const double h1 = largest <= 1e-15 ? fmax(1e-6, 1e-3 * h0) : pow(0.01 / largest, 1. / (s->method.estimate_order + 1));
  *h = fmin(100 * h0, h1);
  if (!isfinite(d2)) *h = NON_FINITE_FACTOR * h0; /* the trial step was too long; the attempts will find out */
  return PATHLINE_OK;
}

static double clamp(double value, double low, double high) {
  return fmin(fmax(value, low), high);
}

static void control_accepted(const adaptive_rk* s, control* m, double error, double t) {
  /* error 0: the power is infinite, and the factor its largest. */
  const double factor =
      clamp(SAFETY * pow(error, -s->alpha) * pow(m->previous_error, s->beta), SMALLEST_FACTOR, LARGEST_FACTOR);
  m->h *= m->after_rejection ? fmin(factor, 1) : factor;
  m->previous_error = fmax(error, SMALLEST_PREVIOUS_ERROR);
  m->after_rejection = 0;
  if (m->failures && s->direction * (t - m->failed_until) >= 0) m->failures = 0;
  if (m->failures) m->h = fmin(m->h, m->cap);
}

static void control_rejected(const adaptive_rk* s, control* m, double error) {
  m->h *= clamp(SAFETY * pow(error, -s->alpha), SMALLEST_FACTOR, 1);
  m->after_rejection = 1;
}

/* Returns PATHLINE_NON_FINITE when it is time to give up. */
static pathline_status control_non_finite(const adaptive_rk* s, control* m, double t, double t_next) {
  if (!m->failures) m->attempts_since_failure = 0;
  ++m->failures;
  m->failed_until = t_next;
  m->h = m->cap = NON_FINITE_FACTOR * m->h;
  m->after_rejection = 1;
  if (m->failures < NON_FINITE_FAILURES && m->attempts_since_failure < NON_FINITE_ATTEMPTS) return PATHLINE_OK;
  char text[160];
  snprintf(text, sizeof text, "the velocity is not finite just after t = %.9g; %d attempts to step past it failed", t,
           m->failures);
  s->host->log(s->host, PATHLINE_LOG_ERROR, text);
  return PATHLINE_NON_FINITE;
}

static pathline_status fail(const adaptive_rk* s, pathline_status status, const char* format, double t, double value) {
  char text[160];
  snprintf(text, sizeof text, format, t, value);
  s->host->log(s->host, PATHLINE_LOG_ERROR, text);
  return status;
}

static pathline_status run(adaptive_rk* s) {
  const pathline_host* host = s->host;
  const double interval = fabs(s->end - s->start);
  const double longest = s->max_step > 0 ? s->max_step : interval;
  control m = {.h = s->first_step, .previous_error = SMALLEST_PREVIOUS_ERROR};
  double t = s->start, attempts = 0;
  pathline_status status;

  if ((status = host->rhs(host, t, s->now, s->k[0]))) return status;
  if (!(m.h > 0) && (status = choose_first_step(s, interval, &m.h))) return status;

  while (t != s->end) {
    if (attempts >= s->max_attempts) {
      return fail(s, PATHLINE_TOO_MANY_STEPS, "stopped at t = %.9g after %.0f attempted steps (max_attempts)", t,
                  attempts);
    }
    const double remaining = fabs(s->end - t);
    m.h = fmin(m.h, longest);
    /* A step that would leave less than a hundredth of itself goes all the way (and may so exceed max_step by that
     * much). */
    const int last = 1.01 * m.h >= remaining;
    if (last) m.h = remaining;
    if (!last && !(m.h > 10 * DBL_EPSILON * fmax(fabs(t), 1e-3 * interval))) {
      return fail(s, PATHLINE_STEP_TOO_SMALL,
                  "at t = %.9g the step size fell to %.3g: too stiff, or tolerances too tight", t, m.h);
    }
    const double t_next = last ? s->end : t + s->direction * m.h;
    const double h = t_next - t; /* what t really advances by, in floating point */

    double error;
    if ((status = attempt(s, t, t_next, h, &error))) return status;
    ++attempts;
    ++m.attempts_since_failure;
    const int accepted = error <= 1; /* false for NaN */
    if (accepted) {
      pathline_vector* const state = s->now;
      s->now = s->next;
      s->next = state;
      pathline_vector* const slope = s->k[0];
      s->k[0] = s->k[s->method.stages - 1];
      s->k[s->method.stages - 1] = slope;
      t = t_next;
    }
    if ((status = host->step_done(host, t, h, error, accepted, s->now))) return status;
    if (accepted) {
      control_accepted(s, &m, error, t);
    } else if (isfinite(error)) {
      control_rejected(s, &m, error);
    } else if ((status = control_non_finite(s, &m, t, t_next))) {
      return status;
    }
  }
  return PATHLINE_OK;
}

static pathline_status adaptive_rk_integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                             pathline_vector* y) {
  if (problem->steps == 0) return PATHLINE_OK;
  adaptive_rk* s = instance;
  s->host = host;
  s->rtol = problem->rtol;
  s->atol = problem->atol;
  s->start = problem->t[0];
  s->end = problem->t[problem->steps];
  s->direction = s->end > s->start ? 1 : -1;

  pathline_vector* const storage = host->clone(host, y);
  int complete = storage != NULL;
  for (int i = 0; i < s->method.stages; ++i) {
    s->k[i] = host->clone(host, y);
    complete = complete && s->k[i];
  }
  s->now = y;
  s->next = storage;

  pathline_status status = complete ? run(s) : PATHLINE_OUT_OF_MEMORY;
  if (s->now != y) {
    const double one = 1;
    const pathline_vector* const result[] = {s->now};
    const pathline_status copied = host->lincomb(host, y, 1, &one, result);
    if (!status) status = copied;
  }
  host->release(host, storage);
  for (int i = 0; i < s->method.stages; ++i) host->release(host, s->k[i]);
  return status;
}

static pathline_status adaptive_rk_create(const adaptive_rk_method* method, const pathline_host* host,
                                          const double* values, void** instance) {
  adaptive_rk* s = calloc(1, sizeof *s);
  if (!s) return PATHLINE_OUT_OF_MEMORY;
  s->host = host;
  s->method = *method;
  s->beta = values[ADAPTIVE_RK_CONTROLLER] == 1 ? 0 : PI_BETA;
  s->alpha = 1. / (method->estimate_order + 1) - 0.75 * s->beta;
  s->first_step = values[ADAPTIVE_RK_FIRST_STEP];
  s->max_step = values[ADAPTIVE_RK_MAX_STEP];
  s->max_attempts = values[ADAPTIVE_RK_MAX_ATTEMPTS];
  *instance = s;
  return PATHLINE_OK;
}

static void adaptive_rk_destroy(void* instance, const pathline_host* host) {
  (void)host;
  free(instance);
}

static const pathline_parameter adaptive_rk_controller_parameter = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_CHOICE,
    .name = "controller",
    .doc = "step control: pi (Hairer's constants) or i (as SciPy and torchdiffeq)",
    .choices = "pi|i",
    .minimum = 0,
    .maximum = 1,
    .default_value = 0,
};
static const pathline_parameter adaptive_rk_first_step_parameter = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_REAL,
    .name = "first_step",
    .doc = "size of the first attempted step, in units of t; 0: chosen by Hairer's rule for one more evaluation",
    .minimum = 0,
    .maximum = 1e6,
    .default_value = 0,
};
static const pathline_parameter adaptive_rk_max_step_parameter = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_REAL,
    .name = "max_step",
    .doc = "largest step, in units of t (the last may be 1 % longer); 0: the whole interval",
    .minimum = 0,
    .maximum = 1e6,
    .default_value = 0,
};
static const pathline_parameter adaptive_rk_max_attempts_parameter = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_INTEGER,
    .name = "max_attempts",
    .doc = "attempted steps, accepted or not, before it stops with too_many_steps",
    .minimum = 1,
    .maximum = 1e9,
    .default_value = 10000,
};

/* For the initialiser of a plugin's list of parameters. */
#define ADAPTIVE_RK_PARAMETERS                                  \
  [ADAPTIVE_RK_CONTROLLER] = &adaptive_rk_controller_parameter, \
  [ADAPTIVE_RK_FIRST_STEP] = &adaptive_rk_first_step_parameter, \
  [ADAPTIVE_RK_MAX_STEP] = &adaptive_rk_max_step_parameter,     \
  [ADAPTIVE_RK_MAX_ATTEMPTS] = &adaptive_rk_max_attempts_parameter

/* For the initialiser of a plugin's table. */
#define ADAPTIVE_RK_FUNCTIONS .create = create, .integrate = adaptive_rk_integrate, .destroy = adaptive_rk_destroy

#endif
