#include "flow/networks/registry.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "flow/networks/unet/unet_settings.h"

namespace pathline::flow {

const std::vector<NetworkKind>& network_kinds() {
  static const std::vector<NetworkKind> kinds = {
      {"unet", "the ADM UNet, for pictures", std::make_shared<UNetSettings>()},
  };
  return kinds;
}

const NetworkKind* find_network_kind(std::string_view name) {
  const auto& kinds = network_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const NetworkKind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

std::string known_kinds_hint(std::string_view name) {
  std::vector<std::string> names;
  for (const NetworkKind& kind : network_kinds()) names.push_back(kind.name);
  const std::string near = nearest_name(name, names);
  return near.empty() ? fmt::format("known kinds: {}", fmt::join(names, ", ")) : fmt::format("did you mean {}?", near);
}

}  // namespace pathline::flow
