#pragma once
// Numbers and words as the report shows them. Pure functions.

#include <string>
#include <string_view>

namespace pathline::tools {

/// With & < > " escaped.
std::string html(std::string_view text);
/// Exponent in superscript digits: "⁻³".
std::string superscript(int exponent);
/// Three digits: plain between 0.01 and 10000, otherwise "1.20 × 10⁻³".
std::string readable(double value);

}  // namespace pathline::tools
