// What a solver does when something goes wrong: misuse of vectors, calls that fail, cancel, NaN, work without end.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include "solvers/conformance/check.h"

namespace pathline::solvers::conformance {
namespace {

constexpr double start_of_trouble = 0.55;  // in parts of the interval

bool all_finite(const State& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

void require_nothing_left(const StrictHost& host, const std::string& when) {
  require(host.outstanding() == 0,
          fmt::format("{} of {} vectors were not released {}", host.outstanding(), host.clones(), when),
          "release every clone on every way out");
}

void require_silence(const StrictHost& host, const std::string& when) {
  require(host.call_after_failure().empty(), fmt::format("{} was called {}", host.call_after_failure(), when),
          "a host function that did not return PATHLINE_OK ends the integration: only lincomb, release and log may "
          "still be called");
}

void require_last_state(const Run& result, const std::string& when) {
  require(
      result.y == result.host->last_accepted(), fmt::format("y is not the last state that was reached, {}", when),
      "on failure y holds the last state reported as accepted: do not use y as scratch space, and bring a state that "
      "is kept in a clone back into y first");
}

/// A harmless problem, short enough to be run again for every call in it.
std::vector<double> short_grid(const SolverUnderTest& subject) {
  return grid_of(0, 0.5 * end_of_time(subject), 3, 1.4);
}
constexpr double short_tolerance = 1e-3;

/// The field of growth_in_waves(), spoilt from some time on in its last component.
Problem spoilt(double value, double from) {
  Problem problem = growth_in_waves();
  problem.velocity = [value, from, sound = problem.velocity](double t, const State& y, State& out) {
    sound(t, y, out);
    if (t >= from) out.back() = value;
  };
  return problem;
}

/// y' = -1e7 (y - cos t) has the solution cos t and needs millions of explicit steps.
Problem stiff() {
  return {"y' = -1e7 (y - cos t)",
          [](double t, const State& y, State& out) {
            for (std::size_t i = 0; i < y.size(); ++i) out[i] = -1e7 * (y[i] - std::cos(t)) - std::sin(t);
          },
          [](double t) {
            return State{std::cos(t) + 1e-3, std::cos(t)};
          }};
}

}  // namespace

std::string check_vectors(const SolverUnderTest& subject) {
  const std::string advice =
      "a clone's contents are unspecified until it is written; rhs never gets one vector twice; y belongs to the host, "
      "and is gone when integrate returns";
  const Problem first = growth_in_waves(), second = damped_rotations();
  StrictHost host(subject.settings, {});
  Instance instance(subject, host);
  // Twice with the same instance: whoever kept y, or vectors of the other size, uses them in the second.
  for (const Problem* problem : {&first, &second, &first}) {
    const auto result = instance.integrate(*problem, short_grid(subject), short_tolerance);
    require(host.breach().empty(), host.breach(), advice);
    require(result.status == PATHLINE_OK, "integrate returned " + name_of(result.status), "this problem is harmless");
  }
  instance.destroy();
  require(host.breach().empty(), host.breach() + " (in destroy)", advice);
  return fmt::format("{} clones in 3 integrations, all used well", host.clones());
}

std::string check_failing_calls(const SolverUnderTest& subject) {
  const Problem problem = growth_in_waves();
  const auto grid = short_grid(subject);
  const Run good = run_well(subject, problem, grid, short_tolerance);
  const std::uint64_t calls = good.host->failable_calls();
  constexpr std::uint64_t one_by_one = 300;
  std::uint64_t tried = 0;
  for (std::uint64_t n = 1; n <= calls; n += n < one_by_one ? 1 : calls / one_by_one + 1, ++tried) {
    Behaviour behaviour;
    behaviour.fail_call = n;
    behaviour.failure = static_cast<pathline_status>(1000 + n);  // not one that a plugin would make up
    const Run result = run(subject, problem, grid, short_tolerance, behaviour);
    const std::string& function = result.host->failed_function();
    const std::string when = fmt::format("when call {} of {}, {}, failed", n, calls, function);
    require(!function.empty(), fmt::format("call {} of {} did not happen again", n, calls),
            "the same input must lead to the same calls");
    require_rules_kept(*result.host);
    require_silence(*result.host, when);
    require(result.status == result.host->answered(),
            fmt::format("{} integrate returned {}, expected {}", when, name_of(result.status),
                        function == "clone" ? "PATHLINE_OUT_OF_MEMORY" : fmt::format("the same status, {}", 1000 + n)),
            "check the result of every call and return what is not PATHLINE_OK at once; a clone that is NULL is "
            "PATHLINE_OUT_OF_MEMORY");
    require_nothing_left(*result.host, when);
    // A state kept in a clone cannot be brought back when it is the bringing back that fails.
    if (function != "lincomb") require_last_state(result, when);
  }
  return fmt::format("each of {} calls was failed in turn", tried);
}

std::string check_cancel(const SolverUnderTest& subject) {
  const Problem problem = growth_in_waves();
  const auto grid = short_grid(subject);
  const Run good = run_well(subject, problem, grid, short_tolerance);
  const std::uint64_t steps = good.host->steps().size();
  std::uint64_t tried = 0;
  for (std::uint64_t step = 1; step <= steps; step += std::max<std::uint64_t>(1, steps / 20), ++tried) {
    Behaviour behaviour;
    behaviour.cancel_at_step = step;
    const Run result = run(subject, problem, grid, short_tolerance, behaviour);
    const std::string when = fmt::format("when step_done cancelled at step {} of {}", step, steps);
    require_rules_kept(*result.host);
    require_silence(*result.host, when);
    require(result.status == PATHLINE_CANCELLED, fmt::format("{} integrate returned {}", when, name_of(result.status)),
            "return what step_done returned, at once, also after the last step");
    require_nothing_left(*result.host, when);
    require_last_state(result, when);
  }
  return fmt::format("stopped at each of {} steps", tried);
}

std::string check_non_finite(const SolverUnderTest& subject) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  constexpr std::uint64_t most_evaluations = 64;
  const double end = end_of_time(subject);
  struct Case {
    const char* what;
    double value, from;
  };
  std::uint64_t longest = 0;
  for (const Case& c : {Case{"NaN from the start", nan, 0}, Case{"NaN half-way", nan, start_of_trouble * end},
                        Case{"infinity half-way", infinity, start_of_trouble * end},
                        Case{"-infinity half-way", -infinity, start_of_trouble * end}}) {
    const Run result = run(subject, spoilt(c.value, c.from), grid_of(0, end, 32), short_tolerance);
    const std::string when = fmt::format("with {}", c.what);
    require_rules_kept(*result.host);
    require_silence(*result.host, when + " after the host had reported it");
    // A method with times of its own may never have asked there.
    if (!result.host->saw_non_finite() && result.status == PATHLINE_OK) continue;
    require(result.status == PATHLINE_NON_FINITE, fmt::format("{} integrate returned {}", when, name_of(result.status)),
            "fixed steps: return what step_done returns; adaptive: test !(norm <= 1), and return PATHLINE_NON_FINITE "
            "after a few NaN in a row");
    const std::uint64_t after = result.host->evaluations_after_non_finite();
    require(
        after <= most_evaluations,
        fmt::format("{} the field was evaluated {} more times, expected at most {}", when, after, most_evaluations),
        "give up after about five attempts that gave NaN: smaller steps seldom help, and each costs network passes");
    longest = std::max(longest, after);
    require_nothing_left(*result.host, when);
    if (subject.info().adaptive) {
      require(all_finite(result.y), fmt::format("{} y is not finite", when),
              "an adaptive solver leaves the last accepted state in y");
      require_last_state(result, when);
    }
  }
  return fmt::format("at most {} evaluations after the first", longest);
}

std::string check_step_underflow(const SolverUnderTest& subject) {
  if (!subject.info().adaptive) throw NotApplicable{"it takes the steps of the grid"};
  constexpr std::uint64_t most_evaluations = 5000;
  Behaviour behaviour;
  behaviour.norm = 1e6;
  behaviour.most_evaluations = most_evaluations;
  const Run result = run(subject, growth_in_waves(), {0.25, 0.25 + 0.5 * end_of_time(subject)}, 1e-6, behaviour);
  require_rules_kept(*result.host);
  require(result.status == PATHLINE_STEP_TOO_SMALL,
          fmt::format("when every attempt is too inaccurate integrate returned {} after {} evaluations",
                      name_of(result.status), result.host->evaluations()),
          "stop with PATHLINE_STEP_TOO_SMALL when t + h is no longer clearly different from t");
  require_nothing_left(*result.host, "after the steps had become too small");
  require_last_state(result, "after the steps had become too small");
  return fmt::format("gave up after {} evaluations", result.host->evaluations());
}

std::string check_step_limit(const SolverUnderTest& subject) {
  Behaviour behaviour;
  behaviour.most_evaluations = subject.info().adaptive ? 50000 : 20;
  if (subject.configured_by_file) behaviour.most_evaluations = 1;
  const bool adaptive = subject.info().adaptive;
  const Run result =
      run(subject, adaptive ? stiff() : growth_in_waves(), grid_of(0, end_of_time(subject), 60), 1e-6, behaviour);
  if (subject.configured_by_file && result.status == PATHLINE_OK)
    throw NotApplicable{"its file asks for one evaluation"};
  require_rules_kept(*result.host);
  require_silence(*result.host, "after the host's limit on evaluations was reached");
  require(result.status == PATHLINE_TOO_MANY_STEPS,
          fmt::format("with work for millions of steps and a limit of {} evaluations integrate returned {}",
                      behaviour.most_evaluations, name_of(result.status)),
          "return what rhs returns when it is not PATHLINE_OK; a limit of your own is PATHLINE_TOO_MANY_STEPS as well");
  require_nothing_left(*result.host, "after too many steps");
  require_last_state(result, "after too many steps");
  return fmt::format("stopped after {} evaluations", result.host->evaluations());
}

}  // namespace pathline::solvers::conformance
