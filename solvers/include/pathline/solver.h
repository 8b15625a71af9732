#ifndef PATHLINE_SOLVER_H
#define PATHLINE_SOLVER_H
/*
 * The ABI between pathline and its ODE solvers. C11 and C++17; needs nothing but this file.
 *
 * A solver plugin is a shared object that exports one constant, `pathline_plugin`. It lists the solvers inside and can
 * be read without running any code of theirs. A solver advances dy/dt = f(t, y) over a time grid. It never touches
 * memory of the state: states are opaque vectors, and everything done to them goes through the host's function table.
 * So one plugin runs on any device and dtype, survives every change of the host's tensor library, and the host's counts
 * of evaluations cannot be wrong.
 *
 * LIFECYCLE, per solver:   create -> integrate (once or more, one at a time) -> destroy
 *   - The host table and everything it points to stay valid from `create` until `destroy` has returned.
 *   - Vectors cloned by a solver must be released before `destroy` returns.
 *   - The y given to `integrate` is the host's: never release it, and do not use it after `integrate` returned.
 *   - The shared object stays loaded until the process ends.
 *
 * THREADS: an instance is used by one thread at a time; different instances may run in different threads at once, so a
 * plugin keeps no mutable globals. Host functions may be called only inside create, integrate and destroy, from the
 * thread that called these. A plugin starts no threads. On a GPU the host has chosen device and stream before it calls.
 *
 * ERRORS: every host function that returns a status returns PATHLINE_OK or a reason to stop. A solver that gets
 * anything else releases what it holds and returns that same value at once; `lincomb` and `release` still work then, so
 * that it can bring the last good state into y. No C++ exception may leave a plugin, none comes out of the host.
 * Strings given by either side are UTF-8, NUL-terminated, one line of at most 4096 bytes without control characters,
 * and stay the property of the giver.
 *
 * VERSIONS: a host loads a plugin whose abi_major equals its own. Every struct begins with its size as the side that
 * fills it knows it, fields are only ever appended, and a reader ignores what it does not know and treats fields beyond
 * struct_size as zero. What needs more than appended fields comes as an extension under a string id. The rule by rule
 * reasoning is in docs/solver-abi.md.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PATHLINE_ABI_MAJOR 1u
#define PATHLINE_ABI_MINOR 2u

#if defined(__GNUC__)
#define PATHLINE_EXPORT __attribute__((visibility("default")))
#else
#define PATHLINE_EXPORT
#endif

/* What an integration or a host function came to. Values are part of the ABI. */
typedef int32_t pathline_status;
enum {
  PATHLINE_OK = 0,
  PATHLINE_CANCELLED = 1,      /* the host asked to stop; only a host function starts this */
  PATHLINE_NON_FINITE = 2,     /* the state or its velocity is NaN or infinite */
  PATHLINE_STEP_TOO_SMALL = 3, /* the step size fell below the resolution of t */
  PATHLINE_TOO_MANY_STEPS = 4, /* a limit on attempts or evaluations was reached */
  PATHLINE_OUT_OF_MEMORY = 5,  /* clone returned NULL, or malloc did */
  PATHLINE_HOST_ERROR = 6,     /* a host function failed or was misused; the host knows why */
  PATHLINE_BAD_PARAMETER = 7,  /* create refuses the combination of values; say why through log */
  PATHLINE_FAILED = 8          /* anything else; say what through log */
};

/* Levels for pathline_host.log. When a solver fails, its last line of level PATHLINE_LOG_ERROR becomes the message that
 * the user sees. */
enum { PATHLINE_LOG_DEBUG = 0, PATHLINE_LOG_INFO = 1, PATHLINE_LOG_WARNING = 2, PATHLINE_LOG_ERROR = 3 };

/* A state or a velocity: the whole batch, on whatever device. Only the host knows what is inside. */
typedef struct pathline_vector pathline_vector;

/* What the host does for a solver. Every function takes the table itself as its first argument. */
typedef struct pathline_host {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved;
  void* context; /* the host's own */

  /* A new vector like `like`, or NULL (then return PATHLINE_OUT_OF_MEMORY). Its contents are UNSPECIFIED: write before
   * reading. Cheap after the first few: the host hands out released vectors again. */
  pathline_vector* (*clone)(const struct pathline_host* host, const pathline_vector* like);

  /* Gives a cloned vector back. NULL is fine. */
  void (*release)(const struct pathline_host* host, pathline_vector* vector);

  /* out = f(t, y). `out` must not be y. t must lie between the two ends of the grid, both included; bit for bit, so
   * compute the end as the grid's own value, not as t + h. Counted by the host. The value of out may be non-finite:
   * that is not an error here. */
  pathline_status (*rhs)(const struct pathline_host* host, double t, const pathline_vector* y, pathline_vector* out);

  /* out = sum of coefficients[i] * vectors[i], i < count, in one pass. `out` may be one of the vectors. A vector whose
   * coefficient is exactly 0 is not read. count = 0 sets out to zero. */
  pathline_status (*lincomb)(const struct pathline_host* host, pathline_vector* out, uint32_t count,
                             const double* coefficients, const pathline_vector* const* vectors);

  /* *result = norm(err / (atol + rtol * max(|y0|, |y1|))), elementwise inside; <= 1 means accurate enough. Which norm
   * (by default the worst sample's root mean square) is the host's policy, the same for all solvers. NaN if err or y1
   * is not finite: test !(norm <= 1). */
  pathline_status (*error_norm)(const struct pathline_host* host, const pathline_vector* err, const pathline_vector* y0,
                                const pathline_vector* y1, double rtol, double atol, double* result);

  /* Once after every attempted step. accepted != 0: the solver now stands at (t, y) after a step of h (negative on
   * descending grids). accepted = 0: it tried h, still stands at (t, y), and will try again. error: the norm that
   * decided, or 0 when nothing was estimated. The host reports progress, counts, checks that an accepted y is finite,
   * and may cancel here. */
  pathline_status (*step_done)(const struct pathline_host* host, double t, double h, double error, int32_t accepted,
                               const pathline_vector* y);

  /* One line for the user, without a newline. */
  void (*log)(const struct pathline_host* host, int32_t level, const char* text);

  /* A table of further functions under "name/revision", or NULL if this host does not have it. Defined below:
   * PATHLINE_TEXT_EXTENSION, PATHLINE_NOISE_EXTENSION. Reserved ids: "pathline.per-sample/1", "pathline.dlpack/1". */
  const void* (*get_extension)(const struct pathline_host* host, const char* id);
} pathline_host;

/* Values of text parameters (pathline_text_parameter). A host without this extension refuses solvers that have any. */
#define PATHLINE_TEXT_EXTENSION "pathline.text/1"
typedef struct pathline_text {
  uint32_t struct_size;
  uint32_t reserved;

  /* The value of the text parameter `name`, as the user gave it or by default. NULL for a name that the solver's table
   * does not list. Valid until `destroy` has returned. */
  const char* (*get)(const pathline_host* host, const char* name);

  /* For a parameter of type PATHLINE_TEXT_FILE: the contents of the file, *size bytes and a NUL after them; NULL if the
   * parameter is not a file, or has the empty value. The host has read the file once and records the hash of these very
   * bytes, so read this, not the file. Valid until `destroy` has returned. */
  const char* (*contents)(const pathline_host* host, const char* name, uint64_t* size);
} pathline_text;

/* Noise for solvers of stochastic equations (PATHLINE_STOCHASTIC). NULL from get_extension when the host has no noise
 * to give. */
#define PATHLINE_NOISE_EXTENSION "pathline.noise/1"
typedef struct pathline_noise {
  uint32_t struct_size;
  uint32_t reserved;

  /* out = independent standard normals. Each sample's are a pure function of the run's seed, of which sample it is, and
   * of `draw`: the same in any batch, on any rank. Number the draws 0, 1, 2, ... within an integration; each number is
   * a new set of normals, the same number the same set again. draw < 2^24. */
  pathline_status (*normal)(const pathline_host* host, uint64_t draw, pathline_vector* out);
} pathline_noise;

/* What to integrate. Valid during the call of integrate. */
typedef struct pathline_problem {
  uint32_t struct_size;
  uint32_t steps; /* number of intervals; 0: nothing to do, return PATHLINE_OK */
  /* steps + 1 times, strictly ascending or strictly descending. Fixed-step solvers take one step per interval; adaptive
   * ones use t[0] and t[steps] and choose their own steps between. */
  const double* t;
  /* For adaptive solvers: >= 0, not both 0. */
  double rtol, atol;
} pathline_problem;

enum {
  PATHLINE_PARAMETER_REAL = 0,
  PATHLINE_PARAMETER_INTEGER = 1,
  PATHLINE_PARAMETER_CHOICE = 2 /* an integer with names */
};

/* A setting that users give as --param name=value. The host checks type and range before create. */
typedef struct pathline_parameter {
  uint32_t struct_size;
  uint32_t type;       /* PATHLINE_PARAMETER_... */
  const char* name;    /* [a-z][a-z0-9_]* */
  const char* doc;     /* one line, with the unit and the source */
  const char* choices; /* CHOICE: names of the values minimum, minimum + 1, ..., separated by '|'; otherwise NULL */
  double minimum, maximum, default_value; /* finite, minimum <= default_value <= maximum */
} pathline_parameter;

enum {
  PATHLINE_TEXT_PLAIN = 0,
  PATHLINE_TEXT_FILE = 1 /* the name of a file; the solver gets its contents */
};

/* A setting with a text value, given in the same way. Its value comes through PATHLINE_TEXT_EXTENSION, not through
 * `values` of create. Since 1.1. */
typedef struct pathline_text_parameter {
  uint32_t struct_size;
  uint32_t type;             /* PATHLINE_TEXT_... */
  const char* name;          /* [a-z][a-z0-9_]*, not the name of another parameter of the solver */
  const char* doc;           /* one line */
  const char* default_value; /* NULL: must be given */
} pathline_text_parameter;

/* Capabilities. A host refuses a request that does not fit them before it calls. Unknown bits 0 to 15 are ignored. */
enum {
  PATHLINE_ADAPTIVE = 1u << 0,          /* chooses its own steps by rtol and atol */
  PATHLINE_DESCENDING = 1u << 1,        /* also integrates descending grids */
  PATHLINE_NEEDS_HISTORY = 1u << 2,     /* multistep: results depend on earlier steps, not on (t, y) alone */
  PATHLINE_STOCHASTIC = 1u << 3,        /* draws noise (through PATHLINE_NOISE_EXTENSION) */
  PATHLINE_LINEAR_PATH = 1u << 4,       /* right for flows of the path x_t = (1 - t) x0 + t x1 only. Since 1.2 */
  PATHLINE_MUST_UNDERSTAND = 0x7fff0000 /* bits 16 to 30: a host that does not know one of them refuses the solver */
};

/* One solver. All of it is constant. */
typedef struct pathline_solver {
  uint32_t struct_size;
  uint32_t flags;
  const char* id;              /* what --solver takes: [a-z][a-z0-9_-]* */
  const char* name;            /* for people: "Dormand-Prince 5(4)" */
  const char* version;         /* of this solver: "1.0.0" */
  const char* description;     /* a line or two; where the method comes from */
  int32_t order;               /* of the solution that is returned */
  int32_t embedded_order;      /* of the solution it is compared with; 0: no error estimate */
  double evaluations_per_step; /* per attempted step, without a start-up cost; only a declaration: the host counts */
  uint32_t parameter_count;
  uint32_t reserved;
  const pathline_parameter* const* parameters; /* parameter_count pointers */

  /* Makes an instance. `values`: one per parameter, in the order of the table. Stores what it likes in *instance. On
   * failure it leaves nothing behind, and destroy is not called. NULL: nothing to create; the instance is NULL. */
  pathline_status (*create)(const pathline_host* host, const double* values, void** instance);

  /* Advances y in place from problem->t[0] to problem->t[problem->steps]. On failure y is the last state that was
   * reached. */
  pathline_status (*integrate)(void* instance, const pathline_host* host, const pathline_problem* problem,
                               pathline_vector* y);

  /* Ends an instance. May be NULL if there is nothing to do. */
  void (*destroy)(void* instance, const pathline_host* host);

  /* Since 1.1 */
  uint32_t text_parameter_count;
  uint32_t reserved_1_1;
  const pathline_text_parameter* const* text_parameters; /* text_parameter_count pointers */
} pathline_solver;

/* What a plugin exports. */
typedef struct pathline_plugin_table {
  uint32_t struct_size;
  uint32_t abi_major; /* PATHLINE_ABI_MAJOR */
  uint32_t abi_minor; /* PATHLINE_ABI_MINOR */
  uint32_t solver_count;
  const pathline_solver* const* solvers; /* solver_count pointers; ids unique within the plugin */
} pathline_plugin_table;

/* Defined by the plugin, exactly once, with all-constant initialisers:
 *
 *   const pathline_plugin_table pathline_plugin = {
 *       sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1, solvers};
 */
extern PATHLINE_EXPORT const pathline_plugin_table pathline_plugin;

#ifdef __cplusplus
}
#endif
#endif
