#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "solvers/solver_host.h"

namespace pathline::solvers {

std::vector<double> make_grid(const std::string& name, std::int64_t steps) {
  if (name != "uniform") {
    const std::string near = nearest_name(name, {"uniform"});
    throw Error(ExitCode::usage, fmt::format("unknown time grid '{}'; known: uniform", name), "grid",
                near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  constexpr std::int64_t most = 100'000'000;
  if (steps < 1 || steps > most) {
    throw Error(ExitCode::usage, fmt::format("expected 1 to {} steps, found {}", most, steps), "steps");
  }
  std::vector<double> t(static_cast<std::size_t>(steps) + 1);
  // A quotient, not a running sum: every time is correctly rounded, and the last is 1 exactly.
  for (std::int64_t i = 0; i <= steps; ++i) {
    t[static_cast<std::size_t>(i)] = static_cast<double>(i) / static_cast<double>(steps);
  }
  return t;
}

}  // namespace pathline::solvers
