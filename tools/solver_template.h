#pragma once
// The files that `pathline solvers new` writes. Their texts are tools/templates/*, put into the program by the build
// (cmake/embed_files.cmake). Thread-safety: constants and a pure function.

#include <map>
#include <string>
#include <string_view>

namespace pathline::tools {

/// Contents of a file of tools/templates. Throws std::logic_error for an unknown name.
std::string_view template_text(std::string_view file);

/// `text` with every @key@ replaced by its value. Throws std::logic_error for an unknown key.
std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values);

}  // namespace pathline::tools
