#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/error.h"
#include "solvers/solver_host.h"

namespace pathline::solvers {
namespace {

constexpr const char* place = "grid";
const std::vector<std::string> names = {"uniform", "shift", "rho", "cosine"};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_list(const std::string& spec) {
  return spec.find(',') != std::string::npos;
}

std::vector<double> listed_times(const std::string& spec) {
  std::vector<double> t;
  for (const std::string_view part : split(spec, ',')) t.push_back(parse_real(std::string(part), 0, 1, place));
  return t;
}

/// "name" or "name:value", the value from `minimum` to `maximum`.
double value_of(const std::vector<std::string_view>& parts, double default_value, double minimum, double maximum) {
  if (parts.size() == 1) return default_value;
  return parse_real(std::string(parts[1]), minimum, maximum, fmt::format("{} {}", place, parts[0]));
}

/// t at u = i/n for the inner points; make_grid sets the ends.
std::function<double(double u, double n)> law_of(const std::string& spec) {
  const std::vector<std::string_view> parts = split(spec, ':');
  const std::string name(parts[0]);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::string near = nearest_name(name, names);
    throw Error(
        ExitCode::usage,
        fmt::format("unknown time grid '{}'; known: {}, or a list of times 0,…,1", spec, fmt::join(names, ", ")), place,
        near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  const bool takes_value = name == "shift" || name == "rho";
  if (parts.size() > (takes_value ? 2U : 1U)) {
    throw Error(ExitCode::usage, fmt::format("grid '{}' takes {}", name, takes_value ? "one value" : "no value"),
                place);
  }
  if (name == "uniform") return [](double u, double) { return u; };
  if (name == "cosine") return [](double u, double) { return 0.5 * (1 - std::cos(std::numbers::pi * u)); };
  if (name == "shift") {
    const double s = value_of(parts, 3, 1e-3, 1e3);
    return [s](double u, double) { return u / (s - (s - 1) * u); };
  }
  const double rho = value_of(parts, 7, 1, 100), largest = std::pow(80, 1 / rho), smallest = std::pow(0.002, 1 / rho);
  return [=](double u, double n) { return 1 / (1 + std::pow(largest + u * n / (n - 1) * (smallest - largest), rho)); };
}

void check(const std::string& spec, const std::vector<double>& t) {
  if (t.front() != 0 || t.back() != 1) {
    throw Error(
        ExitCode::usage,
        fmt::format("expected times from exactly 0 (noise) to exactly 1 (data), found {} to {}", t.front(), t.back()),
        place);
  }
  for (std::size_t i = 1; i < t.size(); ++i) {
    if (t[i] > t[i - 1]) continue;
    throw Error(ExitCode::usage,
                fmt::format("expected strictly ascending times, found {} after {} at position {}", t[i], t[i - 1], i),
                place, is_list(spec) ? "" : fmt::format("{} steps are too many for '{}'", t.size() - 1, spec));
  }
}

}  // namespace

std::optional<std::int64_t> listed_steps(const std::string& spec) {
  if (!is_list(spec)) return std::nullopt;
  return static_cast<std::int64_t>(listed_times(spec).size()) - 1;
}

std::vector<double> make_grid(const std::string& spec, std::int64_t steps) {
  constexpr std::int64_t most = 100'000'000;
  if (steps < 1 || steps > most) {
    throw Error(ExitCode::usage, fmt::format("expected 1 to {} steps, found {}", most, steps), "steps");
  }
  std::vector<double> t;
  if (is_list(spec)) {
    t = listed_times(spec);
    if (t.size() != static_cast<std::size_t>(steps) + 1) {
      throw Error(ExitCode::usage, fmt::format("{} steps need {} times, found {}", steps, steps + 1, t.size()), place);
    }
  } else {
    const auto law = law_of(spec);
    t.resize(static_cast<std::size_t>(steps) + 1);
    // A quotient, not a running sum: every u is correctly rounded.
    const auto n = static_cast<double>(steps);
    for (std::int64_t i = 1; i < steps; ++i) t[static_cast<std::size_t>(i)] = law(static_cast<double>(i) / n, n);
    t.back() = 1;
  }
  check(spec, t);
  return t;
}

}  // namespace pathline::solvers
