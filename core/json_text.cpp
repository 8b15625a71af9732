#include "core/json_text.h"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace pathline {

nlohmann::ordered_json parse_json(const std::string& text, const std::string& place, const std::string& hint,
                                  int deepest) {
  using Json = nlohmann::ordered_json;
  using Event = Json::parse_event_t;
  std::vector<std::set<std::string>> names;  // of the objects that are open
  const auto watch = [&](int depth, Event event, Json& parsed) {
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= deepest)
        throw Error(ExitCode::bad_input, "lists and objects are nested deeper than " + std::to_string(deepest), place,
                    hint);
    }
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(parsed.get_ref<const std::string&>()).second) {
      throw Error(ExitCode::bad_input, "the key " + shown(parsed.get_ref<const std::string&>()) + " appears twice",
                  place, hint);
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception& error) {
    const auto* syntax = dynamic_cast<const Json::parse_error*>(&error);
    throw Error(ExitCode::bad_input,
                "this is not valid JSON" +
                    (syntax != nullptr ? " (at byte " + std::to_string(syntax->byte) + ")" : std::string()),
                place, hint);
  }
}

}  // namespace pathline
