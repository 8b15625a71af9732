#pragma once
// Network settings as JSON: `model.network` of a checkpoint's state.json, and the metadata of exported weights
// (docs/formats/checkpoints.md). Thread-safety: pure functions.

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "flow/networks/network_settings.h"

namespace pathline::flow {

/// As many as a label may have, in configurations and files alike.
inline constexpr std::int64_t kMostClasses = 1000000;

nlohmann::ordered_json to_json(const NetworkSettings& settings);
/// The kind's own options alone; an empty object where there are none.
nlohmann::ordered_json options_json(const NetworkSettings& settings);

/// Reads what to_json wrote, today or in any earlier version. Everything is checked, up to check_network(): what comes
/// back can be built. Throws Error(bad_input) at `place`, saying "NAME.field: …".
NetworkSettings network_from_json(const nlohmann::ordered_json& json, const std::string& name,
                                  const std::string& place);

}  // namespace pathline::flow
