#pragma once
// Texts that a plugin gives (names, remarks) before they go to terminals, tables and files: one line of valid UTF-8, of
// bounded length, without control characters, which a terminal would obey. Thread-safety: pure functions.

#include <cstddef>
#include <string>
#include <string_view>

namespace pathline::solvers {

inline constexpr std::size_t longest_plain_text = 4096;  ///< bytes

/// Whether `text` is that already.
bool is_plain_text(std::string_view text);
/// What is not becomes '?', what is too long ends with "…".
std::string plain_text(std::string_view text);

}  // namespace pathline::solvers
