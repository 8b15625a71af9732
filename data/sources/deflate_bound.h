#pragma once
// What deflated data can become at most. Sizes that a file declares are held against it before memory is taken for
// them, so that a file of a few bytes cannot cost gigabytes.

#include <cstdint>
#include <limits>

namespace pathline::data {

/// The densest code that deflate has is a match of 258 bytes in 2 bits (RFC 1951, section 3.2.5).
constexpr std::uint64_t most_inflated(std::uint64_t packed_bytes) noexcept {
  constexpr std::uint64_t ratio = 258 * 8 / 2, largest = std::numeric_limits<std::uint64_t>::max();
  return packed_bytes > largest / ratio ? largest : packed_bytes * ratio;
}

}  // namespace pathline::data
