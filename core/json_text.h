#pragma once
// JSON from files that nobody vouches for. Thread-safety: no state.

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace pathline {

/// Parses a whole text. Throws Error(bad_input) at `place`, with `hint`, for what is not JSON, for nesting deeper than
/// `deepest` (a file of brackets would otherwise cost fifty times its size in memory) and for a key that an object
/// holds twice (two readers could see two different files).
nlohmann::ordered_json parse_json(const std::string& text, const std::string& place, const std::string& hint,
                                  int deepest = 16);

}  // namespace pathline
