#include "core/torch/foreign_weights.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <ATen/Functions.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"

namespace pathline {
namespace {

constexpr std::array<std::string_view, 2> kWrappers = {"module.", "_orig_mod."};

/// The wrapper's prefix of every name, or "".
std::string_view common_wrapper(const NamedTensors& tensors) {
  for (const std::string_view prefix : kWrappers) {
    const bool of_all = std::all_of(tensors.begin(), tensors.end(), [prefix](const auto& item) {
      return item.first.size() > prefix.size() && item.first.compare(0, prefix.size(), prefix) == 0;
    });
    if (of_all && !tensors.empty()) return prefix;
  }
  return {};
}

}  // namespace

NamedTensors load_foreign_weights(const std::filesystem::path& path) {
  NamedTensors tensors = load_tensors(path);
  std::string removed;
  for (std::string_view prefix; !(prefix = common_wrapper(tensors)).empty();) {
    for (auto& [name, tensor] : tensors) name.erase(0, prefix.size());
    removed += prefix;
  }
  if (!removed.empty())
    log_info(
        fmt::format("{}: all names begin with '{}', put there by a wrapper: read without it", path.string(), removed));
  return tensors;
}

void require_finite(const NamedTensors& tensors, const std::string& place) {
  constexpr std::size_t kShown = 8;
  std::string names;
  std::size_t found = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>()) continue;
    if (++found <= kShown) names += (names.empty() ? "" : ", ") + shown(name);
  }
  if (found == 0) return;
  if (found > kShown) names += fmt::format(" and {} more", found - kShown);
  throw Error(ExitCode::bad_input, "values that are not finite (as float32) in " + names, place,
              "the training that these weights come from has diverged, or they are stored beyond the range of float32");
}

}  // namespace pathline
