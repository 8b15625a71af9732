/* A solver from a file of coefficients (docs/formats/solver-tables.md): an explicit Runge-Kutta method over the host's
 * grid, or a non-stationary solver (Shaul et al., "Bespoke Non-Stationary Solvers", ICML 2024) with a grid of its own:
 *
 *   u_i = v(x_i, t_i),  x_(i+1) = a_i x_0 + sum over j <= i of b_ij u_j
 *
 * The non-stationary kind keeps all its velocities: n + 1 vectors besides y for n steps. */

#include <stdio.h>
#include <stdlib.h>

#include "common/explicit_rk.h"
#include "read_table.h"

_Static_assert((int)TABLE_MOST_STAGES <= (int)EXPLICIT_RK_MOST_STAGES, "every table fits the engine");

static pathline_status copy(const pathline_host* host, pathline_vector* to, const pathline_vector* from) {
  const double one = 1;
  return host->lincomb(host, to, 1, &one, &from);
}

/* y holds x_0 until the last step; x is the state in between, u the velocities. *state: where the last state is. */
static pathline_status take_steps(const table* s, const pathline_host* host, double start, double end,
                                  pathline_vector* y, pathline_vector* x, pathline_vector** u,
                                  pathline_vector** state) {
  double coefficients[TABLE_MOST_STEPS + 1];
  const pathline_vector* terms[TABLE_MOST_STEPS + 1] = {y};
  const double interval = end - start;
  const double* row = s->row;
  double t = start;
  pathline_status status;
  for (int i = 0; i < s->size; row += i++ + 2) {
    if ((status = host->rhs(host, t, *state, u[i]))) return status;
    terms[i + 1] = u[i];
    coefficients[0] = row[0];
    for (int j = 0; j <= i; ++j) coefficients[j + 1] = row[j + 1] * interval;
    pathline_vector* const next = i + 1 < s->size ? x : y;
    if ((status = host->lincomb(host, next, (uint32_t)i + 2, coefficients, terms))) return status;
    *state = next;
    const double t_next = explicit_rk_stage_time(start, end, s->t[i + 1]);
    if ((status = host->step_done(host, t_next, t_next - t, 0, 1, next))) return status;
    t = t_next;
  }
  return PATHLINE_OK;
}

static pathline_status integrate_non_stationary(const table* s, const pathline_host* host,
                                                const pathline_problem* problem, pathline_vector* y) {
  if (problem->steps == 0) return PATHLINE_OK;
  if (problem->steps != (uint32_t)s->size) {
    char text[120];
    snprintf(text, sizeof text, "takes the %d steps of its file on a grid of its own, not the %u that were asked for",
             s->size, (unsigned)problem->steps);
    host->log(host, PATHLINE_LOG_WARNING, text);
  }
  pathline_vector* u[TABLE_MOST_STEPS];
  pathline_vector* const x = host->clone(host, y);
  int complete = x != NULL;
  for (int i = 0; i < s->size; ++i) {
    u[i] = host->clone(host, y);
    complete = complete && u[i];
  }
  pathline_vector* state = y;
  pathline_status status = complete ? take_steps(s, host, problem->t[0], problem->t[problem->steps], y, x, u, &state)
                                    : PATHLINE_OUT_OF_MEMORY;
  if (state != y) {
    const pathline_status copied = copy(host, y, state);
    if (!status) status = copied;
  }
  host->release(host, x);
  for (int i = 0; i < s->size; ++i) host->release(host, u[i]);
  return status;
}

static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  const table* const s = instance;
  if (s->kind == TABLE_NON_STATIONARY) return integrate_non_stationary(s, host, problem, y);
  const explicit_rk_method method = {s->size, s->c, s->a, s->b};
  return explicit_rk_integrate(&method, host, problem, y);
}

static pathline_status refuse(const pathline_host* host, const char* file, const char* why) {
  char text[512];
  snprintf(text, sizeof text, "%s: %s", file, why);
  host->log(host, PATHLINE_LOG_ERROR, text);
  return PATHLINE_BAD_PARAMETER;
}

static pathline_status create(const pathline_host* host, const double* values, void** instance) {
  (void)values;
  const pathline_text* const texts = host->get_extension(host, PATHLINE_TEXT_EXTENSION);
  const char* const file = texts ? texts->get(host, "file") : NULL;
  uint64_t size = 0;
  const char* const contents = file ? texts->contents(host, "file", &size) : NULL;
  if (!contents) return refuse(host, "file", "no table was given");
  char error[256];
  *instance = table_read(contents, (size_t)size, error, sizeof error);
  return *instance ? PATHLINE_OK : refuse(host, file, error);
}

static void destroy(void* instance, const pathline_host* host) {
  (void)host;
  table_free(instance);
}

static const pathline_text_parameter file_parameter = {
    .struct_size = sizeof(pathline_text_parameter),
    .type = PATHLINE_TEXT_FILE,
    .name = "file",
    .doc = "the coefficients (docs/formats/solver-tables.md), for instance from `pathline solvers fit`",
};
static const pathline_text_parameter* const text_parameters[] = {&file_parameter};

static const pathline_solver solver = {
    .struct_size = sizeof(pathline_solver),
    .flags = PATHLINE_DESCENDING | PATHLINE_NEEDS_HISTORY,
    .id = "table",
    .name = "Coefficients from a file",
    .version = "1.0.0",
    .description =
        "An explicit Runge-Kutta method, or a fitted non-stationary solver with its own time grid, read from "
        "a file. Order and evaluations per step are the file's.",
    .order = 1,
    .evaluations_per_step = 1,
    .create = create,
    .integrate = integrate,
    .destroy = destroy,
    .text_parameter_count = 1,
    .text_parameters = text_parameters,
};

static const pathline_solver* const solvers[] = {&solver};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
