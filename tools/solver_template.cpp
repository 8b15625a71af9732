#include "tools/solver_template.h"

#include <stdexcept>

namespace pathline::tools {

std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string filled;
  while (true) {
    const auto begin = text.find('@');
    const auto end = begin == std::string_view::npos ? begin : text.find('@', begin + 1);
    if (end == std::string_view::npos) return filled.append(text);
    const auto value = values.find(std::string(text.substr(begin + 1, end - begin - 1)));
    if (value == values.end()) throw std::logic_error("unknown key in a template");
    filled.append(text.substr(0, begin)).append(value->second);
    text.remove_prefix(end + 1);
  }
}

}  // namespace pathline::tools
