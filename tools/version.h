#pragma once
// Versions of pathline and of every library it runs with, for --version and provenance records.

#include <string>
#include <utility>
#include <vector>

namespace pathline::tools {

/// pathline's own version, "0.1.0".
std::string pathline_version();
/// (library, version) pairs, in the order --version prints them. Versions are those loaded at run time where the
/// library can say.
std::vector<std::pair<std::string, std::string>> library_versions();
/// The text of --version.
std::string version_text();
/// One line for provenance attributes: "pathline 0.1.0; LibTorch 2.15.0; …".
std::string version_line();

}  // namespace pathline::tools
