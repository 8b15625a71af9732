#include "core/config.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "core/error.h"
#include "core/ini_file.h"
#include "core/regular_file.h"

namespace pathline {
namespace {

namespace po = boost::program_options;
using Kind = ConfigKey::Kind;

constexpr std::uint64_t kLargestFile = 16 << 20;
constexpr std::string_view kDefault = "default";

/// Where an error about `name` is reported: "run.ini:12: train.steps", "--train.steps" or "train.steps".
std::string place_of(const std::string& name, const std::string& source) {
  if (source == kDefault) return name;
  if (source == "--" + name) return source;
  return source + ": " + name;
}

std::string did_you_mean(const std::string& name, const char* dashes = "") {
  return name.empty() ? std::string() : fmt::format("did you mean {}{}?", dashes, name);
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
    if (schema.find(key.name) != &key) continue;  // another owner's key of the same name
    options.add_options()(key.name.c_str(), po::value<std::string>(), key.doc.c_str());
  }
  return options;
}

}  // namespace

// Reading -----------------------------------------------------------------------------------------

Config::Config(const ConfigSchema& schema) : Config(parse_text(schema, "", "")) {}

Config Config::parse(const ConfigSchema& schema, const std::filesystem::path& ini,
                     const std::vector<std::string>& arguments) {
  return parse_text(schema, read_input(ini, kLargestFile, "the configuration"), ini.string(), arguments);
}

Config Config::parse_text(const ConfigSchema& schema, std::string_view ini, const std::string& origin,
                          const std::vector<std::string>& arguments) {
  Config config;
  config.schema_ = &schema;
  for (const ConfigKey& key : schema.keys()) {
    if (key.owner.empty()) config.values_[key.name] = {key.default_value, std::string(kDefault)};
  }
  config.read_ini(ini, origin);
  config.read_arguments(arguments);
  config.settle_owned();
  if (schema.fold()) schema.fold()(config);
  return config;
}

void Config::read_ini(std::string_view ini, const std::string& origin) {
  const IniFile file = parse_ini(ini, origin);
  const std::vector<std::string> sections = schema_->sections();
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
    if (schema_->find(name) == nullptr) {
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
    assign(name, assignment.value, source);
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
    if (option.unregistered || schema_->find(name) == nullptr) {
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
    assign(name, option.value.front(), source);
  }
}

/// An owned key's text is checked later, when it is known which owner it has.
void Config::assign(const std::string& name, const std::string& text, const std::string& source) {
  const ConfigKey& key = *schema_->find(name);
  values_[name] = {key.owner.empty() ? normalised(key, text, place_of(name, source)) : text, source};
}

void Config::settle_owned() {
  for (const ConfigKey& known : schema_->keys()) {
    const auto given = values_.find(known.name);
    if (known.owner.empty() || given == values_.end() || existing_key(known.name) != nullptr) continue;
    std::string owners;
    for (const ConfigKey& other : schema_->keys()) {
      if (other.name == known.name) owners += (owners.empty() ? "" : " or ") + other.owner;
    }
    fail(known.name,
         fmt::format("{} belongs to {} = {}, found {} = {}", known.name, known.owner_key, owners, known.owner_key,
                     value(known.owner_key).text),
         fmt::format("remove it, or set {} = {}", known.owner_key, owners));
  }
  for (const ConfigKey& owned : schema_->keys()) {
    if (owned.owner.empty() || !exists(owned)) continue;
    const auto given = values_.find(owned.name);
    if (given == values_.end()) {
      values_[owned.name] = {owned.default_value, std::string(kDefault)};
    } else {
      Value& value = given->second;
      value.text = normalised(owned, value.text, place_of(owned.name, value.source));
    }
  }
}

// Values ------------------------------------------------------------------------------------------

bool Config::exists(const ConfigKey& key) const {
  return key.owner.empty() || value(key.owner_key).text == key.owner;
}

const ConfigKey* Config::existing_key(std::string_view name) const {
  for (const ConfigKey& key : schema_->keys()) {
    if (key.name == name && exists(key)) return &key;
  }
  return nullptr;
}

std::vector<const ConfigKey*> Config::keys() const {
  std::vector<const ConfigKey*> keys;
  for (const ConfigKey& key : schema_->keys()) {
    if (exists(key)) keys.push_back(&key);
  }
  return keys;
}

const Config::Value& Config::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error("no configuration key '" + std::string(name) + "'");
  return found->second;
}

const std::string& Config::text_of_kind(std::string_view name, ConfigKey::Kind kind) const {
  const Value& found = value(name);
  if (existing_key(name)->kind != kind) {
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
  const Kind kind = existing_key(name)->kind;
  if (kind != Kind::text && kind != Kind::path && kind != Kind::choice) {
    throw std::logic_error("configuration key '" + std::string(name) + "' is of another kind");
  }
  return found;
}

std::vector<std::int64_t> Config::integer_list(std::string_view name) const {
  const std::string& text = text_of_kind(name, Kind::integer_list);
  return parse_integer_list(text, *existing_key(name), std::string(name));
}

const std::string& Config::source(std::string_view name) const {
  return value(name).source;
}

void Config::fold(std::string_view from, std::string_view into, const std::string& text) {
  const std::string place = value(from).source;
  values_.find(from)->second = {existing_key(from)->default_value, std::string(kDefault)};
  values_.find(into)->second = {normalised(*existing_key(into), text, place_of(std::string(from), place)), place};
}

void Config::fail(std::string_view name, const std::string& message, const std::string& hint) const {
  throw Error(ExitCode::usage, message, place_of(std::string(name), value(name).source), hint);
}

std::string Config::to_ini(bool annotate) const {
  std::string text;
  for (const std::string& section : schema_->sections()) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    for (const ConfigKey* key : keys()) {
      if (section_part(key->name) != section) continue;
      const Value& current = value(key->name);
      if (annotate) {
        text += fmt::format("# {} ({}; {})\n", one_line(key->doc), allowed_values(*key), one_line(current.source));
      }
      const std::string quoted = quoted_ini_value(current.text);
      text += fmt::format("{} ={}{}\n", key_part(key->name), quoted.empty() ? "" : " ", quoted);
    }
  }
  return text;
}

}  // namespace pathline
