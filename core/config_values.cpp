// What is written for a key: checking, one form for each value, and what is allowed (core/config_schema.h).

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config_schema.h"
#include "core/error.h"
#include "core/home_path.h"

namespace pathline {
namespace {

using Kind = ConfigKey::Kind;

/// Bounds are kept as doubles, which cannot hold 2^63 - 1: the cast must not overflow.
std::int64_t bound(double value) {
  constexpr double kEnd = 9223372036854775808.0;
  if (value >= kEnd) return std::numeric_limits<std::int64_t>::max();
  if (value < -kEnd) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> items;
  if (text.find_first_not_of(" \t") == std::string_view::npos) return items;
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    items.push_back(item);
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

bool parse_boolean(const std::string& text, const std::string& place) {
  for (const char* word : {"true", "yes", "on", "1"}) {
    if (text == word) return true;
  }
  for (const char* word : {"false", "no", "off", "0"}) {
    if (text == word) return false;
  }
  throw Error(ExitCode::usage, "expected true or false, found " + shown(text), place);
}

void check_choice(const std::string& text, const ConfigKey& key, const std::string& place) {
  if (std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end()) return;
  const std::string near = nearest_name(text, key.choices);
  throw Error(ExitCode::usage, fmt::format("expected one of {}, found {}", fmt::join(key.choices, ", "), shown(text)),
              place, near.empty() ? "" : "did you mean " + near + "?");
}

void check_text(const std::string& text, const std::string& place) {
  const auto is_control = [](unsigned char c) { return (c < 32 && c != '\t') || c == 127; };
  if (std::any_of(text.begin(), text.end(), is_control)) {
    throw Error(ExitCode::usage, "a value must not contain line breaks or control characters, found " + shown(text),
                place);
  }
}

bool is_unlimited(const ConfigKey& key) {
  return key.maximum >= (key.kind == Kind::real ? kUnlimitedReal : static_cast<double>(kUnlimited));
}

}  // namespace

std::vector<std::int64_t> parse_integer_list(std::string_view text, const ConfigKey& key, const std::string& place) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view item : split_at_commas(text)) {
    numbers.push_back(parse_integer(item, bound(key.minimum), bound(key.maximum),
                                    fmt::format("{}, item {}", place, numbers.size() + 1)));
  }
  return numbers;
}

std::string normalised(const ConfigKey& key, const std::string& text, const std::string& place) {
  switch (key.kind) {
    case Kind::integer:
      return std::to_string(parse_integer(text, bound(key.minimum), bound(key.maximum), place));
    case Kind::real:
      return fmt::format("{}", parse_real(text, key.minimum, key.maximum, place));
    case Kind::boolean:
      return parse_boolean(text, place) ? "true" : "false";
    case Kind::choice:
      check_choice(text, key, place);
      return text;
    case Kind::text:
      check_text(text, place);
      return key.canonical ? key.canonical(text, place) : text;
    case Kind::path:
      check_text(text, place);
      return expand_home(text, place);
    case Kind::integer_list:
      return fmt::format("{}", fmt::join(parse_integer_list(text, key, place), ","));
  }
  throw std::logic_error("unknown kind of configuration key");
}

std::string allowed_values(const ConfigKey& key) {
  switch (key.kind) {
    case Kind::integer:
    case Kind::integer_list: {
      const std::string what = key.kind == Kind::integer ? "whole number" : "whole numbers";
      if (is_unlimited(key)) return fmt::format("{}, at least {}", what, bound(key.minimum));
      return fmt::format("{}, {} to {}", what, bound(key.minimum), bound(key.maximum));
    }
    case Kind::real:
      if (is_unlimited(key)) return fmt::format("number, at least {}", key.minimum);
      return fmt::format("number, {} to {}", key.minimum, key.maximum);
    case Kind::boolean:
      return "true or false";
    case Kind::choice:
      return key.choices.size() == 1 ? key.choices.front() : fmt::format("one of {}", fmt::join(key.choices, ", "));
    case Kind::text:
      return key.form.empty() ? "text" : key.form;
    case Kind::path:
      return "path";
  }
  throw std::logic_error("unknown kind of configuration key");
}

}  // namespace pathline
