#include "flow/networks/network_settings.h"

#include <algorithm>
#include <stdexcept>
#include <typeinfo>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "flow/networks/network_json.h"
#include "flow/networks/registry.h"

namespace pathline::flow {
namespace {

const ConditionField* label_of(const ConditionSpec& condition) {
  const auto found = std::find_if(condition.begin(), condition.end(), [](const ConditionField& field) {
    return field.kind == ConditionField::Kind::label;
  });
  return found == condition.end() ? nullptr : &*found;
}

}  // namespace

std::int64_t NetworkSettings::classes() const {
  const ConditionField* label = label_of(condition);
  return label == nullptr ? 0 : label->classes;
}

bool NetworkSettings::null_class() const {
  const ConditionField* label = label_of(condition);
  return label != nullptr && label->has_null;
}

bool NetworkSettings::operator==(const NetworkSettings& other) const {
  return kind == other.kind && shape == other.shape && condition == other.condition &&
         options_json(*this) == options_json(other);
}

ConditionSpec label_condition(std::int64_t classes, bool has_null) {
  if (classes == 0) return {};
  ConditionField label;
  label.classes = classes;
  label.has_null = has_null;
  return {label};
}

void declare_network_keys(ConfigSchema& schema) {
  std::vector<std::string> names;
  std::string doc = "architecture";
  for (const NetworkKind& kind : network_kinds()) {
    names.push_back(kind.name);
    doc += fmt::format("; {}: {}", kind.name, kind.doc);
  }
  schema.add_choice("network.kind", names.front(), names, Effect::breaking, doc);
  schema.add_integer("network.classes", 0, 0, kMostClasses, Effect::breaking,
                     "classes of the data to condition on; 0: unconditional");
  for (const NetworkKind& kind : network_kinds()) {
    schema.only_where("network.kind", kind.name, [&] {
      FieldDeclarer declarer(schema);
      kind.defaults->clone()->fields(declarer);
    });
  }
}

NetworkSettings read_network(const Config& config, bool label_may_lack) {
  NetworkSettings settings;
  settings.kind = config.text("network.kind");
  std::unique_ptr<NetworkOptions> options = find_network_kind(settings.kind)->defaults->clone();
  FieldReader reader(config);
  options->fields(reader);
  settings.options = std::move(options);
  settings.condition = label_condition(config.integer("network.classes"), label_may_lack);
  return settings;
}

void check_network(const NetworkSettings& settings) {
  const NetworkKind* kind = find_network_kind(settings.kind);
  if (kind == nullptr) {
    throw Error(ExitCode::usage, fmt::format("unknown kind of network {}", shown(settings.kind)), "network.kind",
                known_kinds_hint(settings.kind));
  }
  if (!settings.options || typeid(*settings.options) != typeid(*kind->defaults)) {
    throw std::logic_error("the options are not those of a network of kind " + settings.kind);
  }
  settings.options->check(settings);
}

void check_network(const NetworkSettings& settings, const Config& config) {
  try {
    check_network(settings);
  } catch (const Error& error) {
    const std::vector<const ConfigKey*> keys = config.keys();
    const bool known =
        std::any_of(keys.begin(), keys.end(), [&](const auto* key) { return key->name == error.place(); });
    if (error.code() != ExitCode::usage || !known) throw;
    config.fail(error.place(), error.message(), error.hint());
  }
}

}  // namespace pathline::flow
