/* Sampling by a stochastic differential equation with the same marginals as the flow (Ma et al., "SiT", ECCV 2024,
 * section 2.3; Song et al., ICLR 2021):
 *
 *   dx = (v + g^2/2 s) dt + g dW,   g(t)^2 = 2 strength (1 - t)
 *
 * For the linear path x_t = (1 - t) x0 + t x1 with x0 ~ N(0, I) the score is s(x, t) = -(x - t v) / (1 - t), so the
 * factor 1 - t cancels and nothing is singular at t = 1:
 *
 *   dx = ((1 + strength t) v - strength x) dt + g dW
 *
 * The noise of a step from t to u is drawn with its exact variance, the integral of g^2: strength (u - t) (2 - t - u).
 * strength 0 is the flow itself: nothing is drawn, and `sde` and `sde-heun` give the bits of euler and heun.
 *
 *   sde       Euler-Maruyama: one evaluation per step, weak order 1
 *   sde-heun  the same as predictor, then the mean of the drifts at both ends with the same noise: two evaluations,
 *             weak order 2, for the noise does not depend on x (Kloeden & Platen, Numerical Solution of Stochastic
 *             Differential Equations, 15.1)
 *
 * Step i of an integration uses draw i of the host's noise. Another path has another score: the host refuses it. */

#include <math.h>
#include <pathline/solver.h>
#include <stdlib.h>

typedef struct {
  double strength;
  const pathline_noise* noise;
} sde;

/* Fixed names for the terms of a step's sums: state, slopes at both ends, noise, predicted state. */
typedef struct {
  pathline_vector *y, *k, *k_next, *noise, *predicted;
} vectors;

/* predicted or y <- y + h drift(t, y) + noise; k is the slope at (t, y). */
static pathline_status euler_maruyama(const pathline_host* host, double strength, double t, double h, double deviation,
                                      const vectors* v, pathline_vector* out) {
  const double coefficients[] = {1 - h * strength, h * (1 + strength * t), deviation};
  const pathline_vector* const terms[] = {v->y, v->k, v->noise};
  return host->lincomb(host, out, 3, coefficients, terms);
}

/* y <- y + h/2 (drift(t, y) + drift(t_next, predicted)) + noise */
static pathline_status heun_correction(const pathline_host* host, double strength, double t, double t_next, double h,
                                       double deviation, const vectors* v) {
  const double half = 0.5 * h;
  const double coefficients[] = {1 - half * strength, half * (1 + strength * t), half * (1 + strength * t_next),
                                 -half * strength, deviation};
  const pathline_vector* const terms[] = {v->y, v->k, v->k_next, v->predicted, v->noise};
  return host->lincomb(host, v->y, 5, coefficients, terms);
}

static pathline_status one_step(const sde* s, int heun, const pathline_host* host, double t, double t_next,
                                uint32_t draw, const vectors* v) {
  const double h = t_next - t, deviation = sqrt(s->strength * h * (2 - t - t_next));
  pathline_status status;
  if ((status = host->rhs(host, t, v->y, v->k))) return status;
  if (deviation > 0 && (status = s->noise->normal(host, draw, v->noise))) return status;
  if ((status = euler_maruyama(host, s->strength, t, h, deviation, v, heun ? v->predicted : v->y))) return status;
  if (heun) {
    if ((status = host->rhs(host, t_next, v->predicted, v->k_next))) return status;
    if ((status = heun_correction(host, s->strength, t, t_next, h, deviation, v))) return status;
  }
  return host->step_done(host, t_next, h, 0, 1, v->y);
}

static pathline_status fail(const pathline_host* host, const char* why) {
  host->log(host, PATHLINE_LOG_ERROR, why);
  return PATHLINE_FAILED;
}

static pathline_status integrate(const sde* s, int heun, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  if (s->strength > 0 && !s->noise) return fail(host, "this host gives no noise");
  if (s->strength > 0 && problem->steps > 0 && !(problem->t[0] >= 0 && problem->t[problem->steps] <= 1)) {
    return fail(host, "the equation is that of the linear path: t runs from 0 (noise) to 1 (data)");
  }
  vectors v = {.y = y, .k = host->clone(host, y), .noise = host->clone(host, y)};
  int complete = v.k && v.noise;
  if (heun) {
    v.k_next = host->clone(host, y);
    v.predicted = host->clone(host, y);
    complete = complete && v.k_next && v.predicted;
  }
  pathline_status status = complete ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    status = one_step(s, heun, host, problem->t[i], problem->t[i + 1], i, &v);
  }
  host->release(host, v.k);
  host->release(host, v.k_next);
  host->release(host, v.noise);
  host->release(host, v.predicted);
  return status;
}

static pathline_status integrate_euler(void* instance, const pathline_host* host, const pathline_problem* problem,
                                       pathline_vector* y) {
  return integrate(instance, 0, host, problem, y);
}

static pathline_status integrate_heun(void* instance, const pathline_host* host, const pathline_problem* problem,
                                      pathline_vector* y) {
  return integrate(instance, 1, host, problem, y);
}

static pathline_status create(const pathline_host* host, const double* values, void** instance) {
  sde* s = malloc(sizeof *s);
  if (!s) return PATHLINE_OUT_OF_MEMORY;
  s->strength = values[0];
  s->noise = host->get_extension(host, PATHLINE_NOISE_EXTENSION);
  *instance = s;
  return PATHLINE_OK;
}

static void destroy(void* instance, const pathline_host* host) {
  (void)host;
  free(instance);
}

static const pathline_parameter strength = {
    .struct_size = sizeof(pathline_parameter),
    .type = PATHLINE_PARAMETER_REAL,
    .name = "strength",
    .doc = "amount of noise, g(t)^2 = 2 strength (1 - t); 0: none, the flow itself",
    .minimum = 0,
    .maximum = 100,
    .default_value = 1,
};
static const pathline_parameter* const parameters[] = {&strength};

static const pathline_solver sde_euler = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_STOCHASTIC | PATHLINE_LINEAR_PATH,
    .id = "sde",
    .name = "SDE, Euler-Maruyama",
    .version = "1.0.1",
    .description =
        "Stochastic sampling with the flow's marginals; the noise of a sample depends on the seed and on "
        "which sample it is, nothing else.",
    .order = 1,
    .evaluations_per_step = 1,
    .parameter_count = 1,
    .parameters = parameters,
    .create = create,
    .integrate = integrate_euler,
    .destroy = destroy,
};

static const pathline_solver sde_heun = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_STOCHASTIC | PATHLINE_LINEAR_PATH,
    .id = "sde-heun",
    .name = "SDE, Heun",
    .version = "1.0.1",
    .description = "Stochastic sampling of second (weak) order with the flow's marginals: sde with a corrector.",
    .order = 2,
    .evaluations_per_step = 2,
    .parameter_count = 1,
    .parameters = parameters,
    .create = create,
    .integrate = integrate_heun,
    .destroy = destroy,
};

static const pathline_solver* const solvers[] = {&sde_euler, &sde_heun};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 2,
                                               solvers};
