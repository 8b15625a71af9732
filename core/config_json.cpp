#include "core/config_json.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"

namespace pathline {
namespace {

using Json = nlohmann::ordered_json;
using Kind = ConfigKey::Kind;

bool has_type(const Json& json, Kind kind) {
  switch (kind) {
    case Kind::integer:
      return json.is_number_integer();
    case Kind::real:
      return json.is_number();
    case Kind::boolean:
      return json.is_boolean();
    case Kind::choice:
    case Kind::text:
    case Kind::path:
      return json.is_string();
    case Kind::integer_list:
      return json.is_array() &&
             std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_number_integer(); });
  }
  return false;
}

/// As it would stand in a configuration.
std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return json.dump();
  std::string list;
  for (const Json& item : json) list += (list.empty() ? "" : ",") + item.dump();
  return list;
}

FieldValue value_of(const Json& json, Kind kind) {
  switch (kind) {
    case Kind::integer:
      return json.get<std::int64_t>();
    case Kind::real:
      return json.get<double>();
    case Kind::boolean:
      return json.get<bool>();
    case Kind::choice:
    case Kind::text:
    case Kind::path:
      return json.get<std::string>();
    case Kind::integer_list:
      return json.get<std::vector<std::int64_t>>();
  }
  return {};
}

}  // namespace

void FieldJsonWriter::visit(const ConfigKey& key, FieldValue& value) {
  std::visit([&](const auto& held) { object_[std::string(key_part(key.name))] = held; }, value);
}

void FieldJsonReader::visit(const ConfigKey& key, FieldValue& value) {
  const std::string name(key_part(key.name));
  const auto found = object_.find(name);
  if (found == object_.end()) {
    if (later()) return;
    throw Error(ExitCode::bad_input, fmt::format("{}.{} is missing", name_, name), place_);
  }
  seen_.push_back(name);
  if (!has_type(*found, key.kind)) {
    throw Error(ExitCode::bad_input,
                fmt::format("{}.{}: expected {}, found {}", name_, name, allowed_values(key), shown(found->dump())),
                place_);
  }
  try {
    normalised(key, text_of(*found), name);
  } catch (const Error& error) {
    throw Error(ExitCode::bad_input, fmt::format("{}.{}: {}", name_, name, error.message()), place_, error.hint());
  }
  value = value_of(*found, key.kind);
}

}  // namespace pathline
