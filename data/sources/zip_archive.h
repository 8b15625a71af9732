#pragma once
// Reads zip archives (libzip) that anybody may have made: nothing is unpacked to disk, declared sizes are checked
// before memory is taken for them, and unpacking stops at the declared size.
//
// Thread-safety: one thread at a time; unpack() is a pure function for any thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/sources/byte_stream.h"

namespace pathline::data {

struct ZipEntry {
  std::string name;  ///< the bytes in the archive
  std::uint64_t number = 0, size = 0, packed_size = 0;
  std::uint32_t crc = 0;
  bool stored = false, deflated = false, encrypted = false;
};

class ZipArchive {
 public:
  /// Error(file_system) if it cannot be opened, Error(bad_input) if it is not a zip.
  explicit ZipArchive(const std::filesystem::path& path);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::vector<ZipEntry>& entries() const noexcept { return entries_; }
  /// Why an entry cannot be used (encryption, an unknown method, more than `limit` bytes declared); empty: it can.
  std::string problem(const ZipEntry& entry, std::uint64_t limit) const;
  /// The entry as it lies in the archive. REQUIRES: no problem(). Throws BadSample.
  void read_packed(const ZipEntry& entry, std::vector<std::byte>& out) const;
  /// Its contents, size and CRC checked. Throws BadSample.
  static std::vector<std::byte> unpack(const ZipEntry& entry, std::span<const std::byte> packed);
  /// The contents as a stream; the archive must outlive it.
  std::unique_ptr<ByteStream> stream(const ZipEntry& entry) const;

 private:
  struct Handle;
  std::filesystem::path path_;
  std::unique_ptr<Handle> handle_;
  std::vector<ZipEntry> entries_;
  std::uint64_t file_bytes_ = 0;
};

}  // namespace pathline::data
