#include "data/shards/json_section.h"

#include <fmt/format.h>

#include "core/error.h"

namespace pathline::data {

JsonSection::JsonSection(const Json& json, std::string place, std::string prefix)
    : json_(json), place_(std::move(place)), prefix_(std::move(prefix)) {
  if (!json.is_object()) fail("", fmt::format("expected an object, found {}", json.type_name()));
}

void JsonSection::fail(const std::string& key, const std::string& message) const {
  throw Error(
      ExitCode::bad_input, message, place_ + ": \"" + prefix_ + key + "\"",
      "the index is damaged or was not written by pathline: make the shards anew with `pathline shards create`");
}

const JsonSection::Json& JsonSection::value(const std::string& key) {
  const auto found = json_.find(key);
  if (found == json_.end()) fail(key, "this key is missing");
  seen_.insert(key);
  return *found;
}

std::string JsonSection::text(const std::string& key) {
  const Json& json = value(key);
  if (!json.is_string()) fail(key, fmt::format("expected a string, found {}", json.type_name()));
  return json.get<std::string>();
}

std::int64_t JsonSection::integer(const std::string& key, std::int64_t minimum, std::int64_t maximum) {
  const Json& json = value(key);
  if (!json.is_number_integer()) fail(key, fmt::format("expected a whole number, found {}", shown(json.dump())));
  const bool huge = json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (huge || json.get<std::int64_t>() < minimum || json.get<std::int64_t>() > maximum)
    fail(key, fmt::format("expected a whole number from {} to {}, found {}", minimum, maximum, shown(json.dump())));
  return json.get<std::int64_t>();
}

const JsonSection::Json& JsonSection::list(const std::string& key, const char* of_what) {
  const Json& json = value(key);
  if (!json.is_array()) fail(key, fmt::format("expected a list of {}, found {}", of_what, json.type_name()));
  return json;
}

std::vector<std::int64_t> JsonSection::integers(const std::string& key, std::int64_t minimum, std::int64_t maximum) {
  std::vector<std::int64_t> values;
  for (const Json& item : list(key, "whole numbers")) {
    const Json named = {{key, item}};
    values.push_back(JsonSection(named, place_, prefix_).integer(key, minimum, maximum));
  }
  return values;
}

std::vector<double> JsonSection::reals(const std::string& key) {
  std::vector<double> values;
  for (const Json& item : list(key, "numbers")) {
    if (!item.is_number()) fail(key, fmt::format("expected a list of numbers, found {} in it", shown(item.dump())));
    values.push_back(item.get<double>());
  }
  return values;
}

std::vector<std::string> JsonSection::texts(const std::string& key) {
  std::vector<std::string> values;
  for (const Json& item : list(key, "strings")) {
    if (!item.is_string()) fail(key, "expected a list of strings, found " + shown(item.dump()) + " in it");
    values.push_back(item.get<std::string>());
  }
  return values;
}

std::string JsonSection::hash(const std::string& key, std::size_t digits) {
  const std::string found = text(key);
  if (found.size() != digits || found.find_first_not_of("0123456789abcdef") != std::string::npos)
    fail(key, fmt::format("expected {} lower-case hexadecimal digits, found \"{}\"", digits, found));
  return found;
}

std::uint64_t JsonSection::xxh3(const std::string& key) {
  return std::stoull(hash(key, 16), nullptr, 16);
}

void JsonSection::refuse_others() const {
  for (const auto& [key, unused] : json_.items()) {
    if (!seen_.contains(key)) fail(key, "this key is unknown");
  }
}

}  // namespace pathline::data
