#include "solvers/loaded_solver.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "solvers/plain_text.h"

namespace pathline::solvers {
namespace {

/// Sizes of the structs in ABI 1.0; later minors append.
constexpr std::size_t solver_size_1_0 = offsetof(pathline_solver, destroy) + sizeof(pathline_solver::destroy);
constexpr std::size_t parameter_size_1_0 =
    offsetof(pathline_parameter, default_value) + sizeof(pathline_parameter::default_value);
constexpr std::size_t text_parameter_size_1_1 =
    offsetof(pathline_text_parameter, default_value) + sizeof(pathline_text_parameter::default_value);
constexpr std::uint32_t most_parameters = 1000;
constexpr const char* plain = "one line of UTF-8 text of at most 4096 bytes";

class Checker {
 public:
  Checker(std::string file, std::string solver) : file_(std::move(file)), solver_(std::move(solver)) {}

  void require(bool condition, const std::string& what) const {
    if (!condition) {
      throw Error(ExitCode::bad_input, fmt::format("{}: {}", solver_, what), file_,
                  "the plugin breaks the rules of docs/solver-abi.md; its author must correct it");
    }
  }

 private:
  std::string file_, solver_;
};

/// NULL is fine.
bool is_plain(const char* text) {
  return !text || is_plain_text({text, ::strnlen(text, longest_plain_text + 1)});
}

bool is_name(const char* text, const char* further_characters) {
  if (!text || text[0] < 'a' || text[0] > 'z') return false;
  for (const char* c = text; *c; ++c) {
    const bool known = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || std::strchr(further_characters, *c);
    if (!known || c - text >= 64) return false;
  }
  return true;
}

std::vector<std::string> split_choices(const char* text) {
  std::vector<std::string> names;
  std::istringstream stream(text);
  for (std::string name; std::getline(stream, name, '|');) names.push_back(name);
  return names;
}

Parameter read_parameter(const pathline_parameter* given, std::uint32_t index, const Checker& check) {
  check.require(given != nullptr, fmt::format("parameter {} is a null pointer", index));
  check.require(given->struct_size >= parameter_size_1_0,
                fmt::format("parameter {} has struct_size {}, expected at least {}", index, given->struct_size,
                            parameter_size_1_0));
  check.require(is_name(given->name, "_"), fmt::format("parameter {} has no valid name ([a-z][a-z0-9_]*)", index));

  check.require(is_plain(given->doc) && is_plain(given->choices),
                fmt::format("parameter '{}' has a doc or choices that are not {}", given->name, plain));
  Parameter parameter;
  parameter.name = given->name;
  parameter.doc = given->doc ? given->doc : "";
  parameter.minimum = given->minimum;
  parameter.maximum = given->maximum;
  parameter.default_value = given->default_value;
  parameter.integer = given->type != PATHLINE_PARAMETER_REAL;
  check.require(given->type <= PATHLINE_PARAMETER_CHOICE,
                fmt::format("parameter '{}' has the unknown type {}", parameter.name, given->type));
  check.require(std::isfinite(parameter.minimum) && std::isfinite(parameter.maximum) &&
                    parameter.minimum <= parameter.default_value && parameter.default_value <= parameter.maximum,
                fmt::format("parameter '{}' needs finite minimum <= default <= maximum, found {} <= {} <= {}",
                            parameter.name, parameter.minimum, parameter.default_value, parameter.maximum));
  if (parameter.integer) {
    check.require(std::floor(parameter.minimum) == parameter.minimum &&
                      std::floor(parameter.maximum) == parameter.maximum &&
                      std::floor(parameter.default_value) == parameter.default_value,
                  fmt::format("parameter '{}' is an integer with a fractional bound or default", parameter.name));
  }
  if (given->type == PATHLINE_PARAMETER_CHOICE) {
    parameter.choices = split_choices(given->choices ? given->choices : "");
    const double expected = parameter.maximum - parameter.minimum + 1;
    check.require(static_cast<double>(parameter.choices.size()) == expected,
                  fmt::format("parameter '{}' names {} choices for {} values", parameter.name, parameter.choices.size(),
                              expected));
  }
  return parameter;
}

Parameter read_text_parameter(const pathline_text_parameter* given, std::uint32_t index, const Checker& check) {
  check.require(given != nullptr, fmt::format("text parameter {} is a null pointer", index));
  check.require(given->struct_size >= text_parameter_size_1_1,
                fmt::format("text parameter {} has struct_size {}, expected at least {}", index, given->struct_size,
                            text_parameter_size_1_1));
  check.require(is_name(given->name, "_"), fmt::format("text parameter {} has no valid name ([a-z][a-z0-9_]*)", index));
  check.require(given->type <= PATHLINE_TEXT_FILE,
                fmt::format("text parameter '{}' has the unknown type {}", given->name, given->type));
  check.require(is_plain(given->doc) && is_plain(given->default_value),
                fmt::format("text parameter '{}' has a doc or a default that is not {}", given->name, plain));
  Parameter parameter;
  parameter.name = given->name;
  parameter.doc = given->doc ? given->doc : "";
  parameter.text = true;
  parameter.file = given->type == PATHLINE_TEXT_FILE;
  if (given->default_value) parameter.default_text = given->default_value;
  return parameter;
}

ParameterValue parse_text(const Parameter& parameter, const std::string& text, const std::string& place) {
  constexpr std::size_t longest = 4096;
  constexpr std::uint64_t largest_file = std::uint64_t{16} << 20;
  const auto unfit = [](unsigned char c) { return c < ' ' || c == 0x7f || c == ';'; };
  if (text.size() > longest || std::any_of(text.begin(), text.end(), unfit)) {
    throw Error(ExitCode::usage,
                fmt::format("expected a text of at most {} bytes without ';' and control characters", longest), place);
  }
  ParameterValue value;
  value.text = text;
  if (parameter.file && !text.empty()) {
    value.contents = std::make_shared<const std::string>(read_file(text, largest_file));
    value.sha256 = sha256_hex(value.contents->data(), value.contents->size());
  }
  return value;
}

}  // namespace

LoadedSolver::LoadedSolver(const pathline_solver& table, const std::filesystem::path& file, const std::string& sha256)
    : table_() {
  const Checker check_size(file.string(), "a solver table");
  check_size.require(table.struct_size >= solver_size_1_0,
                     fmt::format("has struct_size {}, expected at least {}", table.struct_size, solver_size_1_0));
  std::memcpy(&table_, &table, std::min<std::size_t>(table.struct_size, sizeof table_));
  check_size.require(is_name(table.id, "_-"), "has no valid id ([a-z][a-z0-9_-]*)");

  const Checker check(file.string(), fmt::format("solver '{}'", table.id));
  check.require(table.name && *table.name && table.version && *table.version, "lacks a name or a version");
  check.require(is_plain(table.name) && is_plain(table.version) && is_plain(table.description),
                fmt::format("has a name, a version or a description that is not {}", plain));
  check.require(table.integrate != nullptr, "lacks its integrate function");
  check.require(table.order >= 1 && table.order <= 100 && table.embedded_order >= 0 && table.embedded_order <= 100,
                fmt::format("has order {} and embedded order {}, expected 1 to 100 and 0 to 100", table.order,
                            table.embedded_order));
  check.require(std::isfinite(table.evaluations_per_step) && table.evaluations_per_step > 0,
                fmt::format("declares {} evaluations per step", table.evaluations_per_step));
  check.require((table.flags & PATHLINE_MUST_UNDERSTAND) == 0,
                fmt::format("needs capabilities that this pathline does not have (flags {:#x})", table.flags));
  check.require(table_.parameter_count <= most_parameters && (table_.parameter_count == 0 || table_.parameters),
                fmt::format("has an unusable parameter table ({} entries)", table_.parameter_count));
  check.require(
      table_.text_parameter_count <= most_parameters && (table_.text_parameter_count == 0 || table_.text_parameters),
      fmt::format("has an unusable table of text parameters ({} entries)", table_.text_parameter_count));
  check.require(table.parameter_count == 0 || table.create, "has parameters but no create function to take them");

  info_.id = table.id;
  info_.name = table.name;
  info_.version = table.version;
  info_.description = table.description ? table.description : "";
  info_.order = table.order;
  info_.embedded_order = table.embedded_order;
  info_.evaluations_per_step = table.evaluations_per_step;
  info_.adaptive = table.flags & PATHLINE_ADAPTIVE;
  info_.descending = table.flags & PATHLINE_DESCENDING;
  info_.needs_history = table.flags & PATHLINE_NEEDS_HISTORY;
  info_.stochastic = table.flags & PATHLINE_STOCHASTIC;
  info_.linear_path = table.flags & PATHLINE_LINEAR_PATH;
  info_.file = file;
  info_.sha256 = sha256;
  for (std::uint32_t i = 0; i < table_.parameter_count; ++i) {
    info_.parameters.push_back(read_parameter(table_.parameters[i], i, check));
  }
  for (std::uint32_t i = 0; i < table_.text_parameter_count; ++i) {
    info_.parameters.push_back(read_text_parameter(table_.text_parameters[i], i, check));
  }
  std::set<std::string> names;
  for (const Parameter& parameter : info_.parameters) {
    check.require(names.insert(parameter.name).second, fmt::format("has two parameters named '{}'", parameter.name));
  }
}

ParameterValue parse_parameter(const SolverInfo& solver, const std::string& name, const std::string& text) {
  std::vector<std::string> names;
  for (const Parameter& parameter : solver.parameters) {
    names.push_back(parameter.name);
    if (parameter.name != name) continue;
    for (std::size_t i = 0; i < parameter.choices.size(); ++i) {
      if (parameter.choices[i] == text) return parameter.minimum + static_cast<double>(i);
    }
    const std::string place = fmt::format("parameter {} of solver {}", name, solver.id);
    if (parameter.text) return parse_text(parameter, text, place);
    if (!parameter.choices.empty() && text.find_first_not_of("0123456789-+") != std::string::npos) {
      throw Error(ExitCode::usage,
                  fmt::format("expected one of {}, found '{}'", fmt::join(parameter.choices, ", "), text), place);
    }
    if (parameter.integer) {
      return static_cast<double>(parse_integer(text, static_cast<std::int64_t>(parameter.minimum),
                                               static_cast<std::int64_t>(parameter.maximum), place));
    }
    return parse_real(text, parameter.minimum, parameter.maximum, place);
  }
  const std::string near = nearest_name(name, names);
  throw Error(ExitCode::usage, fmt::format("solver {} has no parameter '{}'", solver.id, name), {},
              names.empty()  ? "it has no parameters"
              : near.empty() ? fmt::format("it has: {}", fmt::join(names, ", "))
                             : fmt::format("did you mean '{}'?", near));
}

}  // namespace pathline::solvers
