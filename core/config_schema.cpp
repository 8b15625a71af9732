#include "core/config_schema.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace pathline {
namespace {

using Kind = ConfigKey::Kind;

ConfigKey key_of(Kind kind, std::string name, std::string default_value, OnResume on_resume, std::string doc) {
  ConfigKey key;
  key.kind = kind;
  key.name = std::move(name);
  key.default_value = std::move(default_value);
  key.on_resume = std::move(on_resume);
  key.doc = std::move(doc);
  return key;
}

ConfigKey with_range(ConfigKey key, double minimum, double maximum) {
  key.minimum = minimum;
  key.maximum = maximum;
  return key;
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

std::string_view key_part(std::string_view name) {
  return name.substr(name.find('.') + 1);
}
std::string_view section_part(std::string_view name) {
  return name.substr(0, name.find('.'));
}

const char* to_string(Effect effect) {
  switch (effect) {
    case Effect::free:
      return "free";
    case Effect::steering:
      return "steering";
    case Effect::breaking:
      return "breaking";
  }
  return "unknown";
}

OnResume OnResume::but(Effect there, std::string where, std::string is) const {
  OnResume changed = *this;
  changed.effect_there = there;
  changed.key = std::move(where);
  changed.value = std::move(is);
  return changed;
}

std::string OnResume::describe() const {
  if (key.empty()) return to_string(effect);
  return fmt::format("{}; {} where {} = {}", to_string(effect), to_string(effect_there), key, value);
}

// Schema ------------------------------------------------------------------------------------------

void ConfigSchema::add(ConfigKey key) {
  const std::size_t dot = key.name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == key.name.size()) {
    throw std::logic_error("configuration key '" + key.name + "' is not of the form section.key");
  }
  key.owner_key = owner_key_;
  key.owner = owner_;
  for (const ConfigKey& other : keys_) {
    if (other.name != key.name) continue;
    const bool exclusive = !key.owner.empty() && other.owner_key == key.owner_key && other.owner != key.owner;
    if (!exclusive) throw std::logic_error("configuration key '" + key.name + "' is added twice");
  }
  try {
    key.default_value = normalised(key, key.default_value, key.name);
  } catch (const Error& error) {
    throw std::logic_error(std::string("the default is not allowed: ") + error.what());
  }
  keys_.push_back(std::move(key));
}

void ConfigSchema::add_integer(std::string name, std::int64_t value, std::int64_t minimum, std::int64_t maximum,
                               OnResume on_resume, std::string doc) {
  add(with_range(key_of(Kind::integer, std::move(name), std::to_string(value), std::move(on_resume), std::move(doc)),
                 static_cast<double>(minimum), static_cast<double>(maximum)));
}

void ConfigSchema::add_real(std::string name, double value, double minimum, double maximum, OnResume on_resume,
                            std::string doc) {
  add(with_range(key_of(Kind::real, std::move(name), fmt::format("{}", value), std::move(on_resume), std::move(doc)),
                 minimum, maximum));
}

void ConfigSchema::add_boolean(std::string name, bool value, OnResume on_resume, std::string doc) {
  add(key_of(Kind::boolean, std::move(name), value ? "true" : "false", std::move(on_resume), std::move(doc)));
}

void ConfigSchema::add_choice(std::string name, std::string value, std::vector<std::string> choices, OnResume on_resume,
                              std::string doc) {
  ConfigKey key = key_of(Kind::choice, std::move(name), std::move(value), std::move(on_resume), std::move(doc));
  key.choices = std::move(choices);
  add(std::move(key));
}

void ConfigSchema::add_text(std::string name, std::string value, OnResume on_resume, std::string doc) {
  add(key_of(Kind::text, std::move(name), std::move(value), std::move(on_resume), std::move(doc)));
}

void ConfigSchema::add_path(std::string name, std::string value, OnResume on_resume, std::string doc) {
  add(key_of(Kind::path, std::move(name), std::move(value), std::move(on_resume), std::move(doc)));
}

void ConfigSchema::add_integer_list(std::string name, std::vector<std::int64_t> value, std::int64_t minimum,
                                    std::int64_t maximum, OnResume on_resume, std::string doc) {
  add(with_range(key_of(Kind::integer_list, std::move(name), fmt::format("{}", fmt::join(value, ",")),
                        std::move(on_resume), std::move(doc)),
                 static_cast<double>(minimum), static_cast<double>(maximum)));
}

void ConfigSchema::only_where(const std::string& choice, const std::string& value,
                              const std::function<void()>& add_keys) {
  const ConfigKey* key = find(choice);
  if (key == nullptr || !key->owner.empty() || !owner_.empty() ||
      std::find(key->choices.begin(), key->choices.end(), value) == key->choices.end()) {
    throw std::logic_error("'" + choice + "' is no choice added before that can be '" + value + "'");
  }
  owner_key_ = choice;
  owner_ = value;
  add_keys();
  owner_key_.clear();
  owner_.clear();
}

const ConfigKey* ConfigSchema::find(std::string_view name) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const ConfigKey& key) { return key.name == name; });
  return found == keys_.end() ? nullptr : &*found;
}

std::vector<std::string> ConfigSchema::sections() const {
  std::vector<std::string> sections;
  for (const ConfigKey& key : keys_) {
    const std::string section(section_part(key.name));
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
  }
  return sections;
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

}  // namespace pathline
