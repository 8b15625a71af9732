#pragma once
// Things numbered 0 … total − 1 shared out over ranks: each gets a contiguous run, none more than one thing longer than
// another. Every room that shares something out does it so, and may count on that of the others. Plain values.

#include <cstdint>

namespace pathline {

struct Share {
  std::uint64_t first = 0, last = 0;  ///< last: one past the end
  std::uint64_t count() const noexcept { return last - first; }
  bool operator==(const Share&) const = default;
};

/// [total·rank / ranks, total·(rank + 1) / ranks). REQUIRES: 0 <= rank < ranks, total·ranks < 2^64.
constexpr Share share_of(std::uint64_t total, std::uint64_t rank, std::uint64_t ranks) noexcept {
  return {total * rank / ranks, total * (rank + 1) / ranks};
}

}  // namespace pathline
