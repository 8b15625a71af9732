#include "tools/sweep/results.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

namespace pathline::tools {

std::string SweepCell::budget() const {
  if (adaptive) {
    return rtol == atol ? fmt::format("tolerance {:g}", rtol) : fmt::format("rtol {:g}, atol {:g}", rtol, atol);
  }
  return fmt::format("{} {}", steps, steps == 1 ? "step" : "steps");
}

std::string SweepModel::short_name() const {
  const std::filesystem::path path = std::filesystem::path(name).lexically_normal();
  const std::string last = path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
  // A step folder alone does not say whose step it is.
  const std::string run = path.parent_path().filename().string();
  return last.rfind("step-", 0) == 0 && !run.empty() ? run + "/" + last : last;
}

std::vector<const SweepCell*> Sweep::cells_of(std::size_t model) const {
  std::vector<const SweepCell*> found;
  for (const SweepCell& cell : cells) {
    if (cell.model == model) found.push_back(&cell);
  }
  return found;
}

double Sweep::network_passes(const SweepCell& cell) const {
  return cell.outcome.evaluations * models[cell.model].passes_per_evaluation;
}

bool Sweep::uses_seed() const {
  return std::any_of(cells.begin(), cells.end(), [this](const SweepCell& cell) { return uses_seed(cell); });
}

bool Sweep::near_reference(const SweepCell& cell) const {
  return cell.done() && cell.outcome.rms_error < 3 * models[cell.model].reference_uncertainty;
}

double percentile(std::vector<double> values, double fraction) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  const double place = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace pathline::tools
