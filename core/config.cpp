#include "core/config.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "core/error.h"
#include "core/home_path.h"
#include "core/ini_file.h"
#include "core/regular_file.h"

namespace pathline {
namespace {

namespace po = boost::program_options;
using Kind = ConfigKey::Kind;

constexpr std::uint64_t kLargestFile = 16 << 20;
constexpr std::string_view kDefault = "default";

/// "train.steps" without its section, or without its key.
std::string_view key_part(std::string_view name) {
  return name.substr(name.find('.') + 1);
}
std::string_view section_part(std::string_view name) {
  return name.substr(0, name.find('.'));
}

/// Bounds are kept as doubles, which cannot hold 2^63 - 1: the cast must not overflow.
std::int64_t bound(double value) {
  constexpr double kEnd = 9223372036854775808.0;
  if (value >= kEnd) return std::numeric_limits<std::int64_t>::max();
  if (value < -kEnd) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

/// Where an error about `name` is reported: "run.ini:12: train.steps", "--train.steps" or "train.steps".
std::string place_of(const std::string& name, const std::string& source) {
  if (source == kDefault) return name;
  if (source == "--" + name) return source;
  return source + ": " + name;
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

std::vector<std::int64_t> parse_integer_list(std::string_view text, const ConfigKey& key, const std::string& place) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view item : split_at_commas(text)) {
    numbers.push_back(parse_integer(item, bound(key.minimum), bound(key.maximum),
                                    fmt::format("{}, item {}", place, numbers.size() + 1)));
  }
  return numbers;
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

/// Checks `text` against its key and returns it in the one form that is kept and printed: 10k becomes 10000, yes
/// becomes true.
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
      return text;
    case Kind::path:
      check_text(text, place);
      return expand_home(text, place);
    case Kind::integer_list:
      return fmt::format("{}", fmt::join(parse_integer_list(text, key, place), ","));
  }
  throw std::logic_error("unknown kind of configuration key");
}

std::string did_you_mean(const std::string& name, const char* dashes = "") {
  return name.empty() ? std::string() : fmt::format("did you mean {}{}?", dashes, name);
}

/// What `to_ini` says of the values allowed.
std::string allowed(const ConfigKey& key) {
  switch (key.kind) {
    case Kind::integer:
    case Kind::integer_list: {
      const std::string what = key.kind == Kind::integer ? "whole number" : "whole numbers";
      if (bound(key.maximum) == std::numeric_limits<std::int64_t>::max()) {
        return fmt::format("{}, at least {}", what, bound(key.minimum));
      }
      return fmt::format("{}, {} to {}", what, bound(key.minimum), bound(key.maximum));
    }
    case Kind::real:
      return fmt::format("number, {} to {}", key.minimum, key.maximum);
    case Kind::boolean:
      return "true or false";
    case Kind::choice:
      return fmt::format("one of {}", fmt::join(key.choices, ", "));
    case Kind::text:
      return "text";
    case Kind::path:
      return "path";
  }
  throw std::logic_error("unknown kind of configuration key");
}

/// A comment must stay on its line whatever a file is called.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 32; }, '?');
  return text;
}

po::options_description described(const ConfigSchema& schema) {
  po::options_description options;
  for (const ConfigKey& key : schema.keys()) {
    options.add_options()(key.name.c_str(), po::value<std::string>(), key.doc.c_str());
  }
  return options;
}

/// Number of insertions, deletions, replacements and swaps of neighbours (optimal string alignment) that make `a` into
/// `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 100;  // no name is longer; keeps the cost of a hostile one down
  if (name.size() > kLongest) return {};
  std::size_t best = 2 + name.size() / 3;
  std::string nearest;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

// Schema ------------------------------------------------------------------------------------------

void ConfigSchema::add(ConfigKey key) {
  const std::size_t dot = key.name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == key.name.size()) {
    throw std::logic_error("configuration key '" + key.name + "' is not of the form section.key");
  }
  if (find(key.name) != nullptr) throw std::logic_error("configuration key '" + key.name + "' is added twice");
  try {
    key.default_value = normalised(key, key.default_value, key.name);
  } catch (const Error& error) {
    throw std::logic_error(std::string("the default is not allowed: ") + error.what());
  }
  keys_.push_back(std::move(key));
}

void ConfigSchema::add_integer(std::string name, std::int64_t value, std::int64_t minimum, std::int64_t maximum,
                               std::string doc) {
  add({std::move(name),
       Kind::integer,
       std::to_string(value),
       static_cast<double>(minimum),
       static_cast<double>(maximum),
       {},
       std::move(doc)});
}

void ConfigSchema::add_real(std::string name, double value, double minimum, double maximum, std::string doc) {
  add({std::move(name), Kind::real, fmt::format("{}", value), minimum, maximum, {}, std::move(doc)});
}

void ConfigSchema::add_boolean(std::string name, bool value, std::string doc) {
  add({std::move(name), Kind::boolean, value ? "true" : "false", 0, 0, {}, std::move(doc)});
}

void ConfigSchema::add_choice(std::string name, std::string value, std::vector<std::string> choices, std::string doc) {
  add({std::move(name), Kind::choice, std::move(value), 0, 0, std::move(choices), std::move(doc)});
}

void ConfigSchema::add_text(std::string name, std::string value, std::string doc) {
  add({std::move(name), Kind::text, std::move(value), 0, 0, {}, std::move(doc)});
}

void ConfigSchema::add_path(std::string name, std::string value, std::string doc) {
  add({std::move(name), Kind::path, std::move(value), 0, 0, {}, std::move(doc)});
}

void ConfigSchema::add_integer_list(std::string name, std::vector<std::int64_t> value, std::int64_t minimum,
                                    std::int64_t maximum, std::string doc) {
  add({std::move(name),
       Kind::integer_list,
       fmt::format("{}", fmt::join(value, ",")),
       static_cast<double>(minimum),
       static_cast<double>(maximum),
       {},
       std::move(doc)});
}

const ConfigKey* ConfigSchema::find(std::string_view name) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const ConfigKey& key) { return key.name == name; });
  return found == keys_.end() ? nullptr : &*found;
}

std::string ConfigSchema::nearest(std::string_view name) const {
  std::vector<std::string> names, parts;
  for (const ConfigKey& key : keys_) {
    names.push_back(key.name);
    parts.emplace_back(key_part(key.name));
  }
  if (std::string near = nearest_name(name, names); !near.empty()) return near;
  const std::string near = nearest_name(key_part(name), parts);
  return near.empty() ? near
                      : names[static_cast<std::size_t>(std::find(parts.begin(), parts.end(), near) - parts.begin())];
}

// Reading -----------------------------------------------------------------------------------------

Config::Config(const ConfigSchema& schema) : schema_(&schema) {
  for (const ConfigKey& key : schema.keys()) values_[key.name] = {key.default_value, std::string(kDefault)};
}

Config Config::parse(const ConfigSchema& schema, const std::filesystem::path& ini,
                     const std::vector<std::string>& arguments) {
  return parse_text(schema, read_input(ini, kLargestFile, "the configuration"), ini.string(), arguments);
}

Config Config::parse_text(const ConfigSchema& schema, std::string_view ini, const std::string& origin,
                          const std::vector<std::string>& arguments) {
  Config config(schema);
  config.read_ini(ini, origin);
  config.read_arguments(arguments);
  return config;
}

void Config::read_ini(std::string_view ini, const std::string& origin) {
  const IniFile file = parse_ini(ini, origin);
  std::vector<std::string> sections;
  for (const ConfigKey& key : schema_->keys()) {
    const std::string section(section_part(key.name));
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
  }
  for (const IniSection& section : file.sections) {
    if (std::find(sections.begin(), sections.end(), section.name) != sections.end()) continue;
    const std::string near = nearest_name(section.name, sections);
    throw Error(ExitCode::usage, fmt::format("unknown section [{}]", shown(section.name)),
                fmt::format("{}:{}", origin, section.line),
                near.empty() ? fmt::format("the sections are {}", fmt::join(sections, ", "))
                             : fmt::format("did you mean [{}]?", near));
  }
  std::map<std::string, int> lines;
  for (const IniAssignment& assignment : file.assignments) {
    const std::string name = assignment.section + "." + assignment.key;
    const std::string source = fmt::format("{}:{}", origin, assignment.line);
    const ConfigKey* key = schema_->find(name);
    if (key == nullptr) {
      throw Error(ExitCode::usage,
                  fmt::format("unknown key {} in section [{}]", shown(assignment.key), assignment.section), source,
                  did_you_mean(schema_->nearest(name)));
    }
    const auto [earlier, is_new] = lines.emplace(name, assignment.line);
    if (!is_new) {
      throw Error(ExitCode::usage,
                  fmt::format("{} is given twice, on lines {} and {}", name, earlier->second, assignment.line), source,
                  "remove one of them");
    }
    values_[name] = {normalised(*key, assignment.value, place_of(name, source)), source};
  }
}

void Config::read_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> tokens;
  for (const std::string& argument : arguments) {
    const bool empty_value = argument.size() > 3 && argument.substr(0, 2) == "--" && argument.back() == '=' &&
                             argument.find('=') == argument.size() - 1;
    if (empty_value) {  // --data.shards= means the empty text; Boost would refuse it
      tokens.push_back(argument.substr(0, argument.size() - 1));
      tokens.emplace_back();
    } else {
      tokens.push_back(argument);
    }
  }
  const po::options_description options = described(*schema_);
  po::parsed_options parsed(&options);
  try {
    // No short options, so that -1 is a value; no guessing, so that --train.step never means --train.steps.
    namespace style = po::command_line_style;
    parsed = po::command_line_parser(tokens)
                 .options(options)
                 .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
                 .allow_unregistered()
                 .run();
  } catch (const po::error& error) {
    throw Error(ExitCode::usage, error.what(), "command line", "options are written --section.key VALUE");
  }
  std::vector<std::string> seen;
  for (const po::option& option : parsed.options) {
    const std::string& name = option.string_key;
    const std::string source = "--" + name;
    if (option.position_key >= 0) {
      throw Error(ExitCode::usage,
                  "unexpected argument " + shown(option.value.empty() ? std::string() : option.value.front()),
                  "command line", "options are written --section.key VALUE");
    }
    const ConfigKey* key = schema_->find(name);
    if (option.unregistered || key == nullptr) {
      throw Error(ExitCode::usage, "unknown option " + shown(source), "command line",
                  did_you_mean(schema_->nearest(name), "--"));
    }
    const bool separate = option.original_tokens.size() > 1;
    if (separate && option.value.front().substr(0, 2) == "--") {
      throw Error(ExitCode::usage, "expected a value, found the option " + shown(option.value.front()), source,
                  fmt::format("if this is the value, write {}={}", source, option.value.front()));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      throw Error(ExitCode::usage, source + " is given twice", "command line", "remove one of them");
    }
    seen.push_back(name);
    values_[name] = {normalised(*key, option.value.front(), source), source};
  }
}

// Values ------------------------------------------------------------------------------------------

const Config::Value& Config::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error("no configuration key '" + std::string(name) + "'");
  return found->second;
}

const std::string& Config::text_of_kind(std::string_view name, ConfigKey::Kind kind) const {
  const Value& found = value(name);
  if (schema_->find(name)->kind != kind) {
    throw std::logic_error("configuration key '" + std::string(name) + "' is of another kind");
  }
  return found.text;
}

std::int64_t Config::integer(std::string_view name) const {
  return parse_integer(text_of_kind(name, Kind::integer), std::numeric_limits<std::int64_t>::min(),
                       std::numeric_limits<std::int64_t>::max(), std::string(name));
}

double Config::real(std::string_view name) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return parse_real(text_of_kind(name, Kind::real), -kInfinity, kInfinity, std::string(name));
}

bool Config::boolean(std::string_view name) const {
  return text_of_kind(name, Kind::boolean) == "true";
}

const std::string& Config::text(std::string_view name) const {
  const std::string& found = value(name).text;
  const Kind kind = schema_->find(name)->kind;
  if (kind != Kind::text && kind != Kind::path && kind != Kind::choice) {
    throw std::logic_error("configuration key '" + std::string(name) + "' is of another kind");
  }
  return found;
}

std::vector<std::int64_t> Config::integer_list(std::string_view name) const {
  const std::string& text = text_of_kind(name, Kind::integer_list);
  return parse_integer_list(text, *schema_->find(name), std::string(name));
}

const std::string& Config::source(std::string_view name) const {
  return value(name).source;
}

void Config::fail(std::string_view name, const std::string& message, const std::string& hint) const {
  throw Error(ExitCode::usage, message, place_of(std::string(name), value(name).source), hint);
}

std::string Config::to_ini(bool annotate) const {
  std::vector<std::string> sections;
  for (const ConfigKey& key : schema_->keys()) {
    const std::string section(section_part(key.name));
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
  }
  std::string text;
  for (const std::string& section : sections) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const ConfigKey& key : schema_->keys()) {
      if (section_part(key.name) != section) continue;
      const Value& current = value(key.name);
      if (annotate) {
        text += fmt::format("# {} ({}; {})\n", one_line(key.doc), allowed(key), one_line(current.source));
      }
      const std::string quoted = quoted_ini_value(current.text);
      text += fmt::format("{} ={}{}\n", key_part(key.name), quoted.empty() ? "" : " ", quoted);
    }
  }
  return text;
}

}  // namespace pathline
