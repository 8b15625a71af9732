# pathline_embed_files(OUTPUT FOLDER FILES…): writes a source file that gives tools/solver_template.h's template_text() the
# texts of FOLDER/FILES, by their names without a path. The files stay the one place where they are edited; a change configures anew.
function(pathline_embed_files output folder)
  set(_entries "")
  foreach(_file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${folder}/${_file}")
    file(READ "${folder}/${_file}" _text)
    get_filename_component(_name "${_file}" NAME)
    string(APPEND _entries "    {\"${_name}\", R\"TEMPLATE(${_text})TEMPLATE\"},\n")
  endforeach()
  file(GENERATE OUTPUT "${output}" CONTENT "// Made by cmake/embed_files.cmake.
#include <map>
#include <stdexcept>
#include <string>

#include \"tools/solver_template.h\"

namespace pathline::tools {

std::string_view template_text(std::string_view file) {
  static const std::map<std::string_view, std::string_view> texts = {
${_entries}  };
  const auto found = texts.find(file);
  if (found == texts.end()) throw std::logic_error(\"no template \" + std::string(file));
  return found->second;
}

}  // namespace pathline::tools
")
endfunction()
