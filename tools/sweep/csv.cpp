#include <cctype>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "tools/sweep/output.h"

namespace pathline::tools {

namespace {

bool is_number(const std::string& text) {
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && std::isspace(static_cast<unsigned char>(text[0])) == 0 && *end == '\0';
}

/// A spreadsheet takes a cell that begins like this for a formula and computes it, be it the name of a file: it gets an
/// apostrophe in front, as one would type it. Numbers stay numbers.
bool looks_like_formula(const std::string& text) {
  return !text.empty() && std::string_view("=+-@\t\r\n").find(text[0]) != std::string_view::npos && !is_number(text);
}

std::string csv_field(const std::string& value) {
  const std::string text = looks_like_formula(value) ? "'" + value : value;
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

/// The fewest digits that read back to the same double; nothing for a number that there is not.
std::string number(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

/// Name and value of each column, in the order of the file. Columns are only ever added at the end.
std::vector<std::pair<std::string, std::string>> columns_of(const Sweep& sweep, const SweepCell& cell) {
  const SweepModel& model = sweep.models[cell.model];
  const CellOutcome& outcome = cell.outcome;
  const auto if_known = [](bool known, const std::string& text) { return known ? text : std::string(); };
  const auto sample_error = [&](double fraction) { return number(percentile(outcome.sample_rms, fraction)); };
  return {
      {"solver", cell.solver},
      {"version", cell.version},
      {"plugin_sha256", cell.plugin_sha256},
      {"params", cell.params},
      {"grid", cell.grid},
      {"steps", if_known(!cell.adaptive, std::to_string(cell.steps))},
      {"rtol", if_known(cell.adaptive, number(cell.rtol))},
      {"atol", if_known(cell.adaptive, number(cell.atol))},
      {"evaluations", number(outcome.evaluations)},
      {"network_passes", number(sweep.network_passes(cell))},
      {"accepted", number(outcome.accepted)},
      {"rejected", number(outcome.rejected)},
      {"status", outcome.status},
      {"t_final", number(outcome.t_final)},
      {"rms_error", if_known(cell.done(), number(outcome.rms_error))},
      {"max_error", if_known(cell.done(), number(outcome.max_error))},
      {"seconds", number(outcome.seconds)},
      {"solver_seconds", number(outcome.solver_seconds)},
      {"dtype", model.dtype},
      {"device", model.device},
      {"batch", std::to_string(model.batch)},
      {"seed", if_known(sweep.uses_seed(cell), std::to_string(sweep.seed))},
      {"count", std::to_string(sweep.count)},
      {"precision", model.precision},
      {"weights", model.weights},
      {"guidance", model.guidance},
      {"labels", model.labels},
      {"initial", sweep.initial},
      {"threads", std::to_string(model.threads)},
      {"ranks", std::to_string(outcome.ranks)},
      {"model", model.name},
      {"model_sha256", model.sha256},
      {"reference", model.reference},
      {"reference_uncertainty", number(model.reference_uncertainty)},
      {"message", outcome.message},
      {"network_seconds", number(outcome.seconds - outcome.solver_seconds)},
      {"host_ranks", std::to_string(outcome.host_ranks)},
      {"p50_error", sample_error(0.5)},
      {"p90_error", sample_error(0.9)},
      {"p99_error", sample_error(0.99)},
      {"worst_error", sample_error(1)},
      {"near_reference", if_known(cell.done(), sweep.near_reference(cell) ? "1" : "0")},
      {"plugin_file", cell.plugin_file},
  };
}

}  // namespace

std::string sweep_csv(const Sweep& sweep) {
  std::string header, rows;
  for (const SweepCell& cell : sweep.cells) {
    std::string row, names;
    for (const auto& [name, value] : columns_of(sweep, cell)) {
      names += (names.empty() ? "" : ",") + name;
      row += (row.empty() ? "" : ",") + csv_field(value);
    }
    header = names;
    rows += row + '\n';
  }
  return header + '\n' + rows;
}

}  // namespace pathline::tools
