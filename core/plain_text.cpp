#include "core/plain_text.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pathline {
namespace {

constexpr std::uint32_t kInvalid = 0xFFFFFFFF;

struct Character {
  std::uint32_t code;
  std::size_t bytes;  // 1 where it is invalid
};

/// The first character of `text`, which is not empty: shortest form, no surrogates, at most U+10FFFF (RFC 3629).
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {kInvalid, 1};
  std::uint32_t code = lead & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kInvalid, 1};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[bytes] || surrogate || code > 0x10FFFF) return {kInvalid, 1};
  return {code, bytes};
}

bool turns_direction(std::uint32_t code) {
  return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

std::string replaced(std::string_view text, bool one_line) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [code, bytes] = first_character(text);
    const bool breaks = code == '\n' || code == '\t';
    const bool separates = code == 0x2028 || code == 0x2029;
    if (code == kInvalid || turns_direction(code) || (is_control(code) && (one_line || !breaks)) ||
        (separates && one_line)) {
      result += '?';
    } else {
      result += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return result;
}

}  // namespace

std::string plain_text(std::string_view text) {
  return replaced(text, false);
}

std::string plain_line(std::string_view text) {
  return replaced(text, true);
}

std::string plain_message(std::string_view text) {
  const std::string plain = plain_text(text);
  std::string result;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    result += plain[i];
    if (plain[i] != '\n' || i + 1 == plain.size() || plain[i + 1] == '\n') continue;
    const std::size_t indent = plain[i + 1] != ' ' ? 0 : plain.compare(i + 1, 2, "  ") == 0 ? 2 : 1;
    result.append(2 - indent, ' ');
  }
  return result;
}

}  // namespace pathline
