/* Ends the process from inside, in the way that its parameter names, or misbehaves in a way that only shows in a
 * program that uses it, or is only slow. Nothing happens on a grid without steps. */
#include <pathline/solver.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT, QUICK_EXIT, ABORT, CRASH, BAD_STATUS, CLONES, CREATE_STATUS, CREATE_EXIT, SLOW };

typedef struct {
  int how;
  unsigned seconds;
} instance;

static pathline_status create(const pathline_host* host, const double* values, void** made) {
  (void)host;
  const int how = (int)values[0];
  if (how == CREATE_EXIT) exit(0);
  if (how == CREATE_STATUS) return 77;
  instance* const self = malloc(sizeof *self);
  if (!self) return PATHLINE_OUT_OF_MEMORY;
  self->how = how;
  self->seconds = (unsigned)values[1];
  *made = self;
  return PATHLINE_OK;
}

static void destroy(void* self, const pathline_host* host) {
  (void)host;
  free(self);
}

/* Makes the file that an environment variable names. */
static void note_start(void) {
  const char* const path = getenv("PATHLINE_TEST_STARTED");
  FILE* const file = path ? fopen(path, "w") : NULL;
  if (file) fclose(file);
}

static pathline_status integrate(void* made, const pathline_host* host, const pathline_problem* problem,
                                 pathline_vector* y) {
  const instance* const self = made;
  if (problem->steps == 0) return PATHLINE_OK;
  switch (self->how) {
    case EXIT:
      exit(0);
    case QUICK_EXIT:
      quick_exit(0);
    case ABORT:
      abort();
    case CRASH:
      raise(SIGSEGV);
      return PATHLINE_FAILED;
    case CLONES:
      while (host->clone(host, y)) {
      }
      return PATHLINE_OUT_OF_MEMORY;
    case SLOW:
      note_start();
      for (unsigned left = self->seconds; left > 0;) left = sleep(left);
      return host->step_done(host, problem->t[problem->steps], 1, 0, 1, y);
    default:
      return PATHLINE_BAD_PARAMETER;
  }
}

static const pathline_parameter how = {sizeof(pathline_parameter),
                                       PATHLINE_PARAMETER_CHOICE,
                                       "how",
                                       "what it does",
                                       "exit|quick_exit|abort|crash|bad_status|clones|create_status|create_exit|slow",
                                       0,
                                       8,
                                       0};
static const pathline_parameter seconds = {
    sizeof(pathline_parameter), PATHLINE_PARAMETER_INTEGER, "seconds", "that `slow` takes", 0, 0, 60, 1};
static const pathline_parameter* const parameters[] = {&how, &seconds};
static const pathline_solver ends = {sizeof(pathline_solver),
                                     0,
                                     "ends",
                                     "Ends the process",
                                     "1.0",
                                     "",
                                     1,
                                     0,
                                     1,
                                     2,
                                     0,
                                     parameters,
                                     create,
                                     integrate,
                                     destroy,
                                     0,
                                     0,
                                     0};
static const pathline_solver* const solvers[] = {&ends};

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
