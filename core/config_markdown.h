#pragma once
// A schema as reference pages. Thread-safety: pure function.

#include <string>

#include "core/config_schema.h"

namespace pathline {

/// Markdown: a heading and a table of keys for each section; keys that exist only beside some value of another key
/// follow in tables of their own.
std::string markdown_of(const ConfigSchema& schema);

}  // namespace pathline
