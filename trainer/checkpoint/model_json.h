#pragma once
// Network settings, model description and training state as JSON: the text of state.json, of the metadata of exported
// weights, and of the message in which rank 0 tells the others where to go on. Thread-safety: pure functions.

#include <string>

#include "trainer/checkpoint/checkpoint.h"

namespace pathline {

std::string to_json(const flow::NetworkSettings& settings);
/// The whole of state.json.
std::string to_json(const TrainState& state, const ModelDescription& model);
/// Reads what to_json wrote. Throws Error(bad_input) at `place`, naming what is missing or of the wrong type.
void from_json(const std::string& text, const std::string& place, TrainState& state, ModelDescription& model);

}  // namespace pathline
