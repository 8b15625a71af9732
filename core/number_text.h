#pragma once
// Numbers as people read them. Thread-safety: pure functions.

#include <cstdint>
#include <string>
#include <vector>

namespace pathline {

/// "0:52:10", "2 d 03:10:00"; "?" for what is no duration.
std::string duration_text(double seconds);
/// 1234567 -> "1,234,567"
std::string grouped(std::uint64_t number);
/// "3, 17, 512 and 4 more"
std::string listed(const std::vector<std::uint64_t>& numbers);

}  // namespace pathline
