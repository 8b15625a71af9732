#include "core/config_changes.h"

#include <algorithm>

namespace pathline {
namespace {

std::string text_in(const Config& config, const std::vector<const ConfigKey*>& keys, const ConfigKey& key) {
  const bool exists = std::find(keys.begin(), keys.end(), &key) != keys.end();
  return exists ? config.value_text(key.name) : std::string();
}

Effect effect_of(const OnResume& on_resume, const Config& now) {
  const bool there = !on_resume.key.empty() && now.value_text(on_resume.key) == on_resume.value;
  return there ? on_resume.effect_there : on_resume.effect;
}

}  // namespace

SettingChanges compare_settings(const Config& before, const Config& now) {
  const std::vector<const ConfigKey*> old_keys = before.keys(), new_keys = now.keys();
  SettingChanges changes;
  for (const ConfigKey& key : now.schema().keys()) {
    const SettingChange change{key.name, text_in(before, old_keys, key), text_in(now, new_keys, key)};
    if (change.before == change.now) continue;
    switch (effect_of(key.on_resume, now)) {
      case Effect::free:
        break;
      case Effect::steering:
        changes.steering.push_back(change);
        break;
      case Effect::breaking:
        changes.breaking.push_back(change);
        break;
    }
  }
  return changes;
}

}  // namespace pathline
