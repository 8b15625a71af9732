#include "tools/sweep/text.h"

#include <array>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace pathline::tools {

std::string html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string superscript(int exponent) {
  static constexpr std::array<const char*, 10> digits = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "⁻" : "";
  for (char c : std::to_string(std::abs(exponent))) out += digits[static_cast<std::size_t>(c - '0')];
  return out;
}

std::string readable(double value) {
  if (value == 0) return "0";
  if (std::abs(value) >= 0.01 && std::abs(value) < 10000) return fmt::format("{:.3g}", value);
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
  return fmt::format("{:.2f}\u202f×\u202f10{}", value / std::pow(10.0, exponent), superscript(exponent));
}

}  // namespace pathline::tools
