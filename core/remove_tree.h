#pragma once
// Removes a file, or a folder with all below it, through core/system.h. Links are removed, never followed, also when
// somebody puts one in place of a folder meanwhile. Thread-safety: functions without state.

#include <filesystem>
#include <string>

namespace pathline {

/// Empty on success, and when nothing is there; else what could not be removed, and why ("PATH: reason"). Goes on after
/// a failure, so that as little as possible is left.
std::string remove_tree(const std::filesystem::path& path);
/// The same for leftovers whose removal is not what was asked for: a failure is a warning in the log that names them.
/// Never throws.
void remove_leftover(const std::filesystem::path& path) noexcept;

}  // namespace pathline
