#pragma once
// Content hashes: SHA-256 (OpenSSL) names files, xxh3 (xxHash) checks single images. Thread-safe: no state is shared.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace pathline {

/// SHA-256 fed piece by piece; `hex()` ends it (once).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(const void* data, std::size_t bytes);
  std::string hex();  ///< 64 lower-case hexadecimal digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(const void* data, std::size_t bytes);
/// Throws Error(file_system) if the file cannot be read.
std::string sha256_file(const std::filesystem::path& path);

/// 64-bit xxh3 of a byte range.
std::uint64_t xxh3_64(const void* data, std::size_t bytes);

}  // namespace pathline
