#pragma once
// Bob Jenkins' lookup3 (http://burtleburtle.net/bob/c/lookup3.c, public domain), hashlittle() with initial value 0: the
// checksum of HDF5's metadata. Thread-safe: no state.

#include <cstddef>
#include <cstdint>

namespace pathline::data {

inline std::uint32_t lookup3(const unsigned char* k, std::size_t length) {
  const auto rotate = [](std::uint32_t x, int n) { return x << n | x >> (32 - n); };
  std::uint32_t a = 0xdeadbeef + static_cast<std::uint32_t>(length), b = a, c = a;
  const auto add = [&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint32_t byte = static_cast<std::uint32_t>(k[i]) << 8 * (i % 4);
      (i < 4 ? a : i < 8 ? b : c) += byte;
    }
  };
  for (; length > 12; length -= 12, k += 12) {
    add(12);
    a -= c, a ^= rotate(c, 4), c += b;
    b -= a, b ^= rotate(a, 6), a += c;
    c -= b, c ^= rotate(b, 8), b += a;
    a -= c, a ^= rotate(c, 16), c += b;
    b -= a, b ^= rotate(a, 19), a += c;
    c -= b, c ^= rotate(b, 4), b += a;
  }
  if (length == 0) return c;
  add(length);
  c ^= b, c -= rotate(b, 14);
  a ^= c, a -= rotate(c, 11);
  b ^= a, b -= rotate(a, 25);
  c ^= b, c -= rotate(b, 16);
  a ^= c, a -= rotate(c, 4);
  b ^= a, b -= rotate(a, 14);
  c ^= b, c -= rotate(b, 24);
  return c;
}

}  // namespace pathline::data
