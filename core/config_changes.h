#pragma once
// What has changed between two configurations of one run, by what each change means to it (OnResume of its key).
// Thread-safety: pure function.

#include <string>
#include <vector>

#include "core/config.h"

namespace pathline {

/// How a setting changed; a value is empty where its key does not exist.
struct SettingChange {
  std::string key, before, now;
};
struct SettingChanges {
  std::vector<SettingChange> breaking;  ///< the run would not be the same run any more
  std::vector<SettingChange> steering;  ///< allowed, but from here on it differs from an undisturbed run
};

/// REQUIRES that both have one schema. Effects that depend on another setting follow its value in `now`.
SettingChanges compare_settings(const Config& before, const Config& now);

}  // namespace pathline
