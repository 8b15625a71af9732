#include "flow/fields/mixture_file.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/error.h"
#include "core/regular_file.h"

namespace pathline::flow {

namespace {

/// Comma-separated real numbers of one configuration key.
std::vector<double> reals(const Config& config, const std::string& key) {
  const std::string& text = config.text(key);
  if (config.is_default(key))
    config.fail(key, "missing; expected comma-separated numbers", "see configs/fields/smooth.ini");
  std::vector<double> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t first = text.find_first_not_of(" \t", begin), last = text.find_last_not_of(" \t", end - 1);
    const bool blank = end == begin || first == std::string::npos || first >= end;
    const std::string item = blank ? std::string() : text.substr(first, last - first + 1);
    values.push_back(parse_real(item, -1e6, 1e6, fmt::format("{}: {}", config.source(key), key)));
    begin = end + 1;
  }
  return values;
}

}  // namespace

void check_mixture(const Mixture& mixture, const std::string& place) {
  const auto& [weights, means, sigmas, shape] = mixture;
  const auto reject = [&](const std::string& message) { throw Error(ExitCode::usage, message, place); };
  if (weights.empty() || weights.size() != means.size() || weights.size() != sigmas.size()) {
    reject(fmt::format("expected as many weights as means and sigmas, at least one; found {}, {} and {}",
                       weights.size(), means.size(), sigmas.size()));
  }
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  if (!std::all_of(weights.begin(), weights.end(), positive)) {
    reject(fmt::format("expected positive weights, found {}", fmt::join(weights, ",")));
  }
  if (!std::all_of(sigmas.begin(), sigmas.end(), positive)) {
    reject(fmt::format("expected positive sigmas, found {}", fmt::join(sigmas, ",")));
  }
  if (!std::all_of(means.begin(), means.end(), [](double mean) { return std::isfinite(mean); })) {
    reject(fmt::format("expected finite means, found {}", fmt::join(means, ",")));
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (std::abs(sum - 1) > 1e-6) reject(fmt::format("expected weights that sum to 1, found a sum of {}", sum));
  if (shape.size() != 3 || std::any_of(shape.begin(), shape.end(), [](std::int64_t size) { return size < 1; })) {
    reject(fmt::format("expected the shape as three positive numbers C,H,W, found {}", fmt::join(shape, ",")));
  }
}

Mixture read_mixture(const std::filesystem::path& file) {
  ConfigSchema schema;
  schema.add_text("mixture.weights", "", Effect::free, "weight of each component; they sum to 1");
  schema.add_text("mixture.means", "", Effect::free, "mean of each component");
  schema.add_text("mixture.sigmas", "", Effect::free, "standard deviation of each component");
  schema.add_integer_list("mixture.shape", {1, 28, 28}, 1, 1 << 16, Effect::free, "channels, height, width");
  require_regular_file(file, "the field file");  // it is read again for its hash and for the record of how samples came
  const Config config = Config::parse(schema, file, {});
  Mixture mixture{reals(config, "mixture.weights"), reals(config, "mixture.means"), reals(config, "mixture.sigmas"),
                  config.integer_list("mixture.shape")};
  check_mixture(mixture, file.string() + ": [mixture]");
  return mixture;
}

}  // namespace pathline::flow
