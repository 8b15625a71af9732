// Instances: their parameters, that nothing is shared between them, that nothing stays behind.

#include <algorithm>
#include <array>
#include <cfenv>
#include <clocale>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "solvers/conformance/check.h"

namespace pathline::solvers::conformance {
namespace {

struct Job {
  Problem problem;
  std::vector<double> grid;
};
Job first_job(const SolverUnderTest& subject) {
  return {growth_in_waves(), grid_of(0, end_of_time(subject), 7, 1.3)};
}
/// Another problem, size, grid and number of steps.
Job second_job(const SolverUnderTest& subject) {
  return {damped_rotations(), grid_of(0, 0.6 * end_of_time(subject), 11)};
}
constexpr double job_tolerance = 1e-4;

/// Lets two threads run by turns, changing at every call to the host. What one keeps in a global variable, the other
/// overwrites.
class Baton {
 public:
  void pass(int from) {
    std::unique_lock lock(mutex_);
    if (!finished_[1 - from]) turn_ = 1 - from;
    changed_.notify_all();
    changed_.wait(lock, [&] { return turn_ == from || finished_[1 - from]; });
  }
  void finish(int who) {
    const std::lock_guard lock(mutex_);
    finished_[who] = true;
    turn_ = 1 - who;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int turn_ = 0;
  std::array<bool, 2> finished_{};
};

/// Runs both jobs at once and returns their traces.
std::array<std::uint64_t, 2> traces_together(const SolverUnderTest& subject, const std::array<Job, 2>& jobs,
                                             bool by_turns) {
  Baton baton;
  std::array<std::uint64_t, 2> traces{};
  std::array<std::exception_ptr, 2> thrown;
  const auto work = [&](int who) {
    try {
      Behaviour behaviour;
      if (by_turns) behaviour.before_call = [&baton, who] { baton.pass(who); };
      traces[who] = run(subject, jobs[who].problem, jobs[who].grid, job_tolerance, behaviour).host->trace();
    } catch (...) {
      thrown[who] = std::current_exception();
    }
    baton.finish(who);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
  return traces;
}

std::size_t entries_of(const char* folder) {
  std::error_code error;
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder, error), std::filesystem::directory_iterator()));
}

struct ProcessState {
  std::size_t threads = 0;
  int rounding = 0;
  unsigned float_control = 0;
  std::string locale, folder;
  mode_t creation_mask = 0;
  std::array<void (*)(int), 8> handlers{};
};

ProcessState process_state() {
  ProcessState state;
  state.threads = entries_of("/proc/self/task");
  state.rounding = std::fegetround();
#if defined(__x86_64__)
  constexpr unsigned exceptions_seen = 0x3f;  // sticky flags, not control
  state.float_control = _mm_getcsr() & ~exceptions_seen;
#endif
  state.locale = std::setlocale(LC_ALL, nullptr);
  std::error_code error;
  state.folder = std::filesystem::current_path(error).string();
  state.creation_mask = ::umask(0);
  ::umask(state.creation_mask);
  constexpr std::array signals = {SIGINT, SIGTERM, SIGSEGV, SIGFPE, SIGABRT, SIGCHLD, SIGUSR1, SIGPIPE};
  for (std::size_t i = 0; i < signals.size(); ++i) {
    struct sigaction action {};
    ::sigaction(signals[i], nullptr, &action);
    state.handlers[i] = action.sa_handler;
  }
  return state;
}

ProcessState& remembered_state() {
  static ProcessState state;
  return state;
}

void try_parameters(const SolverUnderTest& subject, const std::vector<double>& values, const std::string& what) {
  SolverUnderTest changed = {subject.solver, subject.settings, subject.configured_by_file};
  changed.settings.numbers = values;
  StrictHost host(changed.settings, {});
  try {
    Instance instance(changed, host);
    const Job job = first_job(subject);
    const auto result = instance.integrate(job.problem, job.grid, job_tolerance);
    require(result.status >= PATHLINE_OK && result.status <= PATHLINE_FAILED,
            fmt::format("with {} integrate returned {}, which is none of the statuses", what, name_of(result.status)),
            "return one of PATHLINE_OK … PATHLINE_FAILED");
    instance.destroy();
  } catch (const Finding& finding) {
    // create may refuse a combination, if it says so.
    if (finding.detail.find(name_of(PATHLINE_BAD_PARAMETER)) != std::string::npos && !host.errors().empty()) return;
    throw Finding{
        fmt::format("with {}: {}", what, finding.detail),
        "a value inside the table's range must work, or create must refuse it with PATHLINE_BAD_PARAMETER and "
        "a line of PATHLINE_LOG_ERROR"};
  }
  require(host.breach().empty(), fmt::format("with {}: {}", what, host.breach()),
          "values inside the table's range must not lead to misuse of the host");
}

}  // namespace

std::string check_parameters(const SolverUnderTest& subject) {
  const pathline_solver& table = subject.solver.table();
  int tried = 1;
  try_parameters(subject, subject.settings.numbers, "all values at their defaults");
  constexpr double most_choices = 16;
  for (std::uint32_t i = 0; i < table.parameter_count; ++i) {
    const pathline_parameter& parameter = *table.parameters[i];
    const bool every =
        parameter.type == PATHLINE_PARAMETER_CHOICE && parameter.maximum - parameter.minimum < most_choices;
    const double stride = every ? 1 : parameter.maximum - parameter.minimum;
    for (double value = parameter.minimum; value <= parameter.maximum; value += stride, ++tried) {
      std::vector<double> values = subject.settings.numbers;
      values[i] = value;
      try_parameters(subject, values, fmt::format("{} = {}", parameter.name, value));
      if (stride == 0) break;
    }
  }
  return fmt::format("parameters: {}, combinations tried: {}", table.parameter_count + table.text_parameter_count,
                     tried);
}

std::string check_extensions(const SolverUnderTest& subject) {
  Behaviour behaviour;
  behaviour.extensions = false;
  const bool needs_any = subject.info().stochastic || subject.solver.table().text_parameter_count > 0;
  const Job job = first_job(subject);
  StrictHost host(subject.settings, behaviour);
  pathline_status status = PATHLINE_FAILED;
  try {
    Instance instance(subject, host);
    status = instance.integrate(job.problem, job.grid, job_tolerance).status;
    instance.destroy();
  } catch (const Finding&) {  // create refused
  }
  require_rules_kept(host);
  require(host.outstanding() == 0, "vectors were not released", "release every clone on every way out");
  if (status == PATHLINE_OK) return needs_any ? "does without" : "needs none";
  require(needs_any, fmt::format("integrate returned {} on a host without extensions", name_of(status)),
          "get_extension may return NULL: do without, or declare what needs it (PATHLINE_STOCHASTIC, text parameters)");
  require(!host.errors().empty(), "refuses a host without extensions, but does not say why",
          "say through log, with PATHLINE_LOG_ERROR, which extension is missing");
  return "says: " + host.errors().back();
}

std::string check_determinism(const SolverUnderTest& subject) {
  const Job first = first_job(subject), second = second_job(subject);
  const std::uint64_t expected = run_well(subject, first.problem, first.grid, job_tolerance).host->trace();
  StrictHost host(subject.settings, {});
  Instance instance(subject, host);
  const auto trace = [&](const Job& job) {
    const auto result = instance.integrate(job.problem, job.grid, job_tolerance);
    require_rules_kept(host);
    require(result.status == PATHLINE_OK, "integrate returned " + name_of(result.status), "this problem is harmless");
    return host.trace();
  };
  require(
      trace(first) == expected, "two instances do different things with the same input",
      "no randomness of your own (there is PATHLINE_NOISE_EXTENSION), no clocks, no uninitialised memory, no globals");
  trace(second);
  require(trace(first) == expected, "an instance does something else with the same input after another integration",
          "integrate starts afresh: reset step sizes, history and counters at its beginning");
  return "the same bits in a new instance and in a used one";
}

std::string check_threads(const SolverUnderTest& subject) {
  const std::array jobs = {first_job(subject), second_job(subject)};
  std::array<std::uint64_t, 2> alone{};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    alone[i] = run_well(subject, jobs[i].problem, jobs[i].grid, job_tolerance).host->trace();
  }
  const std::string advice = "keep everything that changes in the instance: no mutable globals, no static locals";
  require(traces_together(subject, jobs, true) == alone,
          "two instances that run by turns in two threads disturb each other", advice);
  // Without turns, so that a sanitizer sees what is not synchronised.
  constexpr int rounds = 25;
  for (int round = 0; round < rounds; ++round) {
    require(traces_together(subject, jobs, false) == alone, "two instances in two threads disturb each other", advice);
  }
  return "two instances in two threads, by turns and freely";
}

std::string check_leaks(const SolverUnderTest& subject) {
  const Job job = first_job(subject);
  const Run once = run_well(subject, job.problem, job.grid, job_tolerance);
  require(once.host->outstanding() == 0,
          fmt::format("{} of {} vectors were not released when destroy had returned", once.host->outstanding(),
                      once.host->clones()),
          "release every clone before destroy returns");
  const auto cycle = [&](int times) {
    for (int i = 0; i < times; ++i) run(subject, job.problem, {job.grid.front(), job.grid[1]}, job_tolerance);
  };
  constexpr int cycles = 500;
  cycle(20);
  const std::size_t files = entries_of("/proc/self/fd"), memory = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  cycle(cycles);
  const std::size_t memory_after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  const std::size_t files_after = entries_of("/proc/self/fd");
  require(files_after <= files, fmt::format("{} files stay open after {} instances", files_after - files, cycles),
          "close what create or integrate opened, at the latest in destroy");
  constexpr std::size_t smallest_leak = 8;
  require(memory_after < memory + cycles * smallest_leak,
          fmt::format("{} bytes more are in use after {} instances", memory_after - memory, cycles),
          "free in destroy what create allocated, and in integrate what integrate allocated");
  return fmt::format("{} vectors released, {} instances leave nothing behind", once.host->clones(), cycles);
}

void remember_process_state() {
  remembered_state() = process_state();
}

std::string check_process_state(const SolverUnderTest& subject) {
  const Job job = first_job(subject);
  run_well(subject, job.problem, job.grid, job_tolerance);
  const ProcessState before = remembered_state(), after = process_state();
  require(after.threads <= before.threads, fmt::format("{} threads were started", after.threads - before.threads),
          "a plugin starts no threads");
  require(after.rounding == before.rounding && after.float_control == before.float_control,
          "the floating-point mode was changed: flush-to-zero, rounding or traps",
          "do not link with -ffast-math or -Ofast: that changes the arithmetic of the whole process when the plugin is "
          "loaded");
  require(after.handlers == before.handlers, "a signal handler was installed", "signals belong to the host");
  require(after.locale == before.locale, fmt::format("the locale was set to {}", after.locale),
          "the locale belongs to the host; parse and print numbers without it");
  require(after.folder == before.folder && after.creation_mask == before.creation_mask,
          "the working folder or the file creation mask was changed", "both belong to the host");
  return "threads, floating-point mode, signal handlers, locale, working folder as before";
}

}  // namespace pathline::solvers::conformance
