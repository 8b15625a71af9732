#include "solvers/plain_text.h"

namespace pathline::solvers {
namespace {

/// Bytes of the character at the beginning of `text` (not empty) if it may be shown, else 0.
std::size_t length_of_shown(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  if (first == 0xc2 && second < 0xa0) return 0;                                          // control characters, again
  if ((first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90)) return 0;    // longer than need be
  if ((first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90)) return 0;  // surrogates, beyond Unicode
  return length;
}

}  // namespace

bool is_plain_text(std::string_view text) {
  if (text.size() > longest_plain_text) return false;
  while (!text.empty()) {
    const std::size_t length = length_of_shown(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string plain_text(std::string_view text) {
  constexpr std::string_view more = "…";
  std::string result;
  while (!text.empty()) {
    const std::size_t length = length_of_shown(text);
    const std::string_view next = length == 0 ? "?" : text.substr(0, length);
    if (result.size() + next.size() + more.size() > longest_plain_text) return result.append(more);
    result += next;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

}  // namespace pathline::solvers
