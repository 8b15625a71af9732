#pragma once
// docs/configuration.md: the text of docs/configuration.md.in around tables of the schema's keys, so that the page
// cannot fall behind the program. Thread-safety: pure function.

#include <string>

namespace pathline::tools {

std::string configuration_page();

}  // namespace pathline::tools
