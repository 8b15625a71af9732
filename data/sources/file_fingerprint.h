#pragma once
// By what a conversion that goes on knows that its input has not changed.

#include <filesystem>
#include <string>

namespace pathline::data {

/// Size and time of change of a file. Error(file_system) if it cannot be looked at.
std::string file_fingerprint(const std::filesystem::path& path);

}  // namespace pathline::data
