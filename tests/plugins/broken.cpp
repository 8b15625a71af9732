// Solvers that are wrong in one way each, so that every conformance check is seen to fail (tests/solvers/
// conformance_test.cpp says which). Two good methods are spoilt: midpoint on the grid, and an adaptive Euler step
// inside Heun's.

#include <algorithm>
#include <clocale>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <pathline/solver.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/// Exported by mistake: compiled with default visibility.
extern "C" __attribute__((visibility("default"))) int stray_symbol() {
  return 1;
}

namespace {

enum class Fault {
  none,
  refuses_maximum,
  reads_unwritten,
  same_vector,
  releases_y,
  keeps_y,
  uses_released,
  wrong_coefficient,
  assumes_even_grid,
  absolute_steps,
  needs_two_steps,
  evaluates_empty_grid,
  adds_up_times,
  asks_beyond_end,
  looks_ahead,
  reports_nothing,
  reports_wrong_end,
  evaluates_more,
  ignores_rhs_status,
  returns_own_status,
  leaks_on_failure,
  scratches_y,
  goes_on_after_cancel,
  cancel_is_success,
  limit_is_success,
  needs_noise,
  remembers,
  global_state,
  leaks_vector,
  leaks_memory,
  leaks_file,
  flushes_to_zero,
  handles_signals,
  sets_locale,
  calls_from_thread,
  throws,
  crashes,
  exits,
  hangs,
  floods,
  writes_to_host,
  forks,
  // adaptive
  ignores_tolerance,
  follows_inner_times,
  accepts_nan,
  never_gives_up_on_nan,
  never_gives_up,
};

struct Memory {
  int runs = 0;
  pathline_vector* old_y = nullptr;
};

double global_step = 0;  // what global_state keeps where all instances can get at it

pathline_status create(const pathline_host*, const double*, void** instance) {
  *instance = new (std::nothrow) Memory;
  return *instance ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
}

pathline_status create_below_maximum(const pathline_host* host, const double* values, void** instance) {
  return values[0] < 1 ? create(host, values, instance) : PATHLINE_FAILED;
}

template <Fault fault>
void destroy(void* instance, const pathline_host* host) {
  auto* const memory = static_cast<Memory*>(instance);
  if (fault == Fault::keeps_y && memory->old_y) host->lincomb(host, memory->old_y, 0, nullptr, nullptr);
  delete memory;
}

/// Faults that have nothing to do with the method.
template <Fault fault>
void misbehave() {
  if (fault == Fault::throws) throw std::runtime_error("out of ideas");
  if (fault == Fault::crashes) std::raise(SIGSEGV);
  if (fault == Fault::exits) std::exit(0);
  if (fault == Fault::hangs) {
    for (;;) ::pause();
  }
  if (fault == Fault::floods) {
    for (;;) std::puts("a line that nobody wants to read");
  }
  if (fault == Fault::writes_to_host) {
    for (int descriptor = 3; descriptor < 10; ++descriptor) (void)!::write(descriptor, "nonsense\n", 9);
  }
  if (fault == Fault::forks) {  // eight that start one more each, and wait for two minutes at most
    for (int i = 0; i < 8; ++i) {
      if (::fork() != 0) continue;
      ::setsid();
      (void)!::fork();
      ::sleep(120);
      ::_exit(0);
    }
  }
  if (fault == Fault::leaks_file && ::open("/dev/null", O_RDONLY) < 0) std::abort();
  if (fault == Fault::leaks_memory) {
    static void* volatile kept;
    kept = std::malloc(100);
    (void)kept;
  }
#if defined(__x86_64__)
  if (fault == Fault::flushes_to_zero) _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
  if (fault == Fault::handles_signals) std::signal(SIGUSR1, SIG_IGN);
  if (fault == Fault::sets_locale) std::setlocale(LC_ALL, "C.UTF-8");
}

template <Fault fault>
pathline_status midpoint_step(Memory& memory, const pathline_host* host, const pathline_problem* problem, uint32_t i,
                              double t, pathline_vector* y, pathline_vector* k, pathline_vector* middle) {
  const double* const grid = problem->t;
  double h = grid[i + 1] - grid[i];
  if (fault == Fault::assumes_even_grid) h = (grid[problem->steps] - grid[0]) / problem->steps;
  if (fault == Fault::absolute_steps) h = std::fabs(h);
  if (fault == Fault::remembers && memory.runs > 1) h *= 0.999;
  if (fault == Fault::global_state) global_step = h;
  const double half = fault == Fault::wrong_coefficient ? 0.4 : 0.5;
  const pathline_vector* const terms[] = {y, fault == Fault::reads_unwritten ? middle : k};
  pathline_status status = host->rhs(host, t, y, fault == Fault::same_vector ? y : k);
  if (fault == Fault::ignores_rhs_status) status = PATHLINE_OK;
  if (status) return status;
  if (fault == Fault::global_state) h = global_step;
  const double to_middle[] = {1, half * h}, to_end[] = {1, h};
  pathline_vector* const stage = fault == Fault::scratches_y ? y : middle;
  if ((status = host->lincomb(host, stage, 2, to_middle, terms))) return status;
  double t_middle = t + h / 2;
  if (fault == Fault::asks_beyond_end) t_middle = t + 1.5 * h;
  if (fault == Fault::looks_ahead && i + 1 < problem->steps) t_middle = t + 1.5 * h;
  if ((status = host->rhs(host, t_middle, stage, k))) return status;
  if (fault == Fault::scratches_y) {
    // Y holds the stage; the other half of the step is added to it. The order suffers as well, but that is not the
    // point.
    const double rest[] = {1, h / 2};
    const pathline_vector* const back[] = {y, k};
    status = host->lincomb(host, y, 2, rest, back);
  } else {
    status = host->lincomb(host, y, 2, to_end, terms);
  }
  if (status) return status;
  if (fault == Fault::evaluates_more && (status = host->rhs(host, grid[i + 1], y, k))) return status;
  double end = grid[i + 1];
  if (fault == Fault::reports_wrong_end) end = std::nextafter(end, grid[0]);
  if (fault == Fault::reports_nothing) return PATHLINE_OK;
  status = host->step_done(host, end, h, 0, 1, y);
  return fault == Fault::goes_on_after_cancel ? PATHLINE_OK : status;
}

template <Fault fault>
pathline_status midpoint(void* instance, const pathline_host* host, const pathline_problem* problem,
                         pathline_vector* y) {
  misbehave<fault>();
  auto& memory = *static_cast<Memory*>(instance);
  ++memory.runs;
  if (fault == Fault::needs_two_steps && problem->steps == 1) return PATHLINE_OK;
  if (fault == Fault::needs_noise && !host->get_extension(host, PATHLINE_NOISE_EXTENSION)) return PATHLINE_FAILED;
  if (fault == Fault::releases_y) host->release(host, y);
  if (fault == Fault::keeps_y) memory.old_y = y;
  if (fault == Fault::calls_from_thread) std::thread([&] { host->release(host, host->clone(host, y)); }).join();
  pathline_vector* const k = host->clone(host, y);
  pathline_vector* const middle = host->clone(host, y);
  pathline_status status = k && middle ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  if (fault == Fault::evaluates_empty_grid && !status && problem->steps == 0) {
    status = host->rhs(host, problem->t[0], y, k);
  }
  double t = problem->t[0];
  for (uint32_t i = 0; !status && i < problem->steps; ++i) {
    if (fault != Fault::adds_up_times) t = problem->t[i];
    status = midpoint_step<fault>(memory, host, problem, i, t, y, k, middle);
    t += problem->t[i + 1] - problem->t[i];
  }
  if (fault == Fault::adds_up_times && !status && problem->steps) status = host->rhs(host, t, y, k);
  if (fault == Fault::uses_released) {
    host->release(host, k);
    if (problem->steps && !status) status = host->rhs(host, problem->t[0], y, k);
  } else if (fault != Fault::leaks_vector && (fault != Fault::leaks_on_failure || !status)) {
    host->release(host, k);
  }
  host->release(host, middle);
  if (fault == Fault::returns_own_status && status) return PATHLINE_FAILED;
  if (fault == Fault::cancel_is_success && status == PATHLINE_CANCELLED) return PATHLINE_OK;
  if (fault == Fault::limit_is_success && status == PATHLINE_TOO_MANY_STEPS) return PATHLINE_OK;
  return status;
}

template <Fault fault>
pathline_status adaptive(void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
  if (problem->steps == 0) return PATHLINE_OK;
  const double end = problem->t[problem->steps], direction = end > problem->t[0] ? 1 : -1;
  pathline_vector* const k1 = host->clone(host, y);
  pathline_vector* const k2 = host->clone(host, y);
  pathline_vector* const next = host->clone(host, y);
  pathline_status status = k1 && k2 && next ? PATHLINE_OK : PATHLINE_OUT_OF_MEMORY;
  double t = problem->t[0], h = 1e-3;
  if (fault == Fault::follows_inner_times) h = std::fabs(problem->t[1] - t);
  int failures = 0;
  while (!status && t != end) {
    const bool last = h >= std::fabs(end - t);
    const double t_next = last ? end : t + direction * h, step = t_next - t;
    const bool too_small = !last && std::fabs(step) <= 1e-14 * std::max(1.0, std::fabs(t));
    if (too_small && fault != Fault::never_gives_up && fault != Fault::never_gives_up_on_nan) {
      status = PATHLINE_STEP_TOO_SMALL;
      break;
    }
    const double euler[] = {1, step}, heun[] = {1, step / 2, step / 2}, difference[] = {step / 2, -step / 2};
    const pathline_vector* const terms[] = {y, k1, k2};
    double norm = 0;
    if ((status = host->rhs(host, t, y, k1)) || (status = host->lincomb(host, next, 2, euler, terms)) ||
        (status = host->rhs(host, t_next, next, k2)) || (status = host->lincomb(host, next, 3, heun, terms)) ||
        (status = host->lincomb(host, k1, 2, difference, terms + 1)) ||
        (status = host->error_norm(host, k1, y, next, problem->rtol, problem->atol, &norm))) {
      break;
    }
    if (fault == Fault::ignores_tolerance) norm = std::fabs(step) / 0.05;
    const bool accepted = fault == Fault::accepts_nan ? !(norm > 1) : norm <= 1;
    if (accepted) {
      const double one[] = {1};
      const pathline_vector* const result[] = {next};
      if ((status = host->lincomb(host, y, 1, one, result))) break;
      t = t_next;
    }
    if ((status = host->step_done(host, t, step, norm, accepted, y))) break;
    if (std::isnan(norm)) ++failures;
    if (failures >= 5 && fault != Fault::never_gives_up_on_nan) status = PATHLINE_NON_FINITE;
    const double factor = std::isnan(norm) ? 0.25 : std::min(5.0, std::max(0.2, 0.9 / std::sqrt(norm + 1e-10)));
    h = std::fabs(step) * factor;
    if (fault == Fault::never_gives_up_on_nan || fault == Fault::never_gives_up) h = std::max(h, 1e-13);
  }
  host->release(host, k1);
  host->release(host, k2);
  host->release(host, next);
  return status;
}

constexpr pathline_parameter level = {sizeof(pathline_parameter),
                                      PATHLINE_PARAMETER_REAL,
                                      "level",
                                      "must stay below 1, but does not say so",
                                      nullptr,
                                      0,
                                      1,
                                      0};
constexpr const pathline_parameter* parameters[] = {&level};

constexpr pathline_solver on_grid(const char* id, decltype(pathline_solver::integrate) integrate,
                                  decltype(pathline_solver::destroy) destroy, int order = 2) {
  pathline_solver table{};
  table.struct_size = sizeof table;
  table.flags = PATHLINE_DESCENDING;
  table.id = id;
  table.name = id;
  table.version = "1";
  table.description = "";
  table.order = order;
  table.evaluations_per_step = 2;
  table.create = create;
  table.integrate = integrate;
  table.destroy = destroy;
  return table;
}

constexpr pathline_solver by_tolerance(const char* id, decltype(pathline_solver::integrate) integrate, int order = 2) {
  pathline_solver table = on_grid(id, integrate, nullptr, order);
  table.flags = PATHLINE_DESCENDING | PATHLINE_ADAPTIVE;
  table.embedded_order = 1;
  table.create = nullptr;
  return table;
}

constexpr pathline_solver with_parameter(pathline_solver table) {
  table.parameter_count = 1;
  table.parameters = parameters;
  table.create = create_below_maximum;
  return table;
}

#define ON_GRID(fault) on_grid(#fault, midpoint<Fault::fault>, destroy<Fault::fault>)
#define BY_TOLERANCE(fault) by_tolerance(#fault, adaptive<Fault::fault>)

constexpr pathline_solver tables[] = {
    on_grid("good", midpoint<Fault::none>, destroy<Fault::none>),
    by_tolerance("good_adaptive", adaptive<Fault::none>),
    with_parameter(ON_GRID(refuses_maximum)),
    ON_GRID(reads_unwritten),
    ON_GRID(same_vector),
    ON_GRID(releases_y),
    ON_GRID(keeps_y),
    ON_GRID(uses_released),
    on_grid("declares_too_much", midpoint<Fault::none>, destroy<Fault::none>, 3),
    on_grid("declares_too_little", midpoint<Fault::none>, destroy<Fault::none>, 1),
    by_tolerance("adaptive_declares_too_much", adaptive<Fault::none>, 3),
    ON_GRID(wrong_coefficient),
    ON_GRID(assumes_even_grid),
    ON_GRID(absolute_steps),
    ON_GRID(needs_two_steps),
    ON_GRID(evaluates_empty_grid),
    ON_GRID(adds_up_times),
    ON_GRID(asks_beyond_end),
    ON_GRID(looks_ahead),
    ON_GRID(reports_nothing),
    ON_GRID(reports_wrong_end),
    ON_GRID(evaluates_more),
    ON_GRID(ignores_rhs_status),
    ON_GRID(returns_own_status),
    ON_GRID(leaks_on_failure),
    ON_GRID(scratches_y),
    ON_GRID(goes_on_after_cancel),
    ON_GRID(cancel_is_success),
    ON_GRID(limit_is_success),
    ON_GRID(needs_noise),
    ON_GRID(remembers),
    ON_GRID(global_state),
    ON_GRID(leaks_vector),
    ON_GRID(leaks_memory),
    ON_GRID(leaks_file),
    ON_GRID(flushes_to_zero),
    ON_GRID(handles_signals),
    ON_GRID(sets_locale),
    ON_GRID(calls_from_thread),
    ON_GRID(throws),
    ON_GRID(crashes),
    ON_GRID(exits),
    ON_GRID(hangs),
    ON_GRID(floods),
    ON_GRID(writes_to_host),
    ON_GRID(forks),
    BY_TOLERANCE(ignores_tolerance),
    BY_TOLERANCE(follows_inner_times),
    BY_TOLERANCE(accepts_nan),
    BY_TOLERANCE(never_gives_up_on_nan),
    BY_TOLERANCE(never_gives_up),
};
constexpr uint32_t count = sizeof tables / sizeof *tables;

struct Pointers {
  const pathline_solver* to[count];
};
constexpr Pointers point_to_tables() {
  Pointers pointers{};
  for (uint32_t i = 0; i < count; ++i) pointers.to[i] = &tables[i];
  return pointers;
}
constexpr Pointers pointers = point_to_tables();

}  // namespace

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR,
                                               count, pointers.to};
