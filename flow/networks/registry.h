#pragma once
// The kinds of networks there are. A new one is a folder flow/networks/KIND/ and a line in registry.cpp.
// Thread-safety: immutable.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/networks/network_settings.h"

namespace pathline::flow {

struct NetworkKind {
  std::string name;  ///< the value of network.kind, and of "kind" in a checkpoint
  std::string doc;   ///< a few words for the documentation
  std::shared_ptr<const NetworkOptions> defaults;
};

/// The first is the default.
const std::vector<NetworkKind>& network_kinds();
/// Null if there is none of that name.
const NetworkKind* find_network_kind(std::string_view name);
/// "did you mean unet?", or which kinds there are.
std::string known_kinds_hint(std::string_view name);

}  // namespace pathline::flow
