#pragma once
// The files that `pathline solvers new` writes, and the text around the tables of docs/configuration.md. They are
// tools/templates/* and docs/configuration.md.in, put into the program by the build (cmake/embed_files.cmake).
// Thread-safety: constants and a pure function.

#include <map>
#include <string>
#include <string_view>

namespace pathline::tools {

/// Contents of such a file, by its name. Throws std::logic_error for an unknown name.
std::string_view template_text(std::string_view file);

/// `text` with every @key@ replaced by its value. Throws std::logic_error for an unknown key.
std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values);

}  // namespace pathline::tools
