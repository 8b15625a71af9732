#pragma once
// Makes the checksums of HDF5 metadata right, so that mutations reach what lies behind them.

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "data/hdf5/lookup3.h"

namespace pathline::fuzz {

using Bytes = std::vector<unsigned char>;

inline void put_hdf5_checksum(Bytes& file, std::size_t begin, std::size_t end) {
  if (end + 4 > file.size() || end < begin) return;
  const std::uint32_t sum = data::lookup3(file.data() + begin, end - begin);
  std::memcpy(file.data() + end, &sum, 4);
}

/// Checksums of the superblock and of every object header of version 2 that can be found; end of file as it is.
inline Bytes with_hdf5_checksums(Bytes file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (file.size() >= 48 && (file[8] == 2 || file[8] == 3)) {
    const std::uint64_t end = file.size();
    std::memcpy(file.data() + 28, &end, 8);
    put_hdf5_checksum(file, 0, 44);
  }
  for (std::size_t at = text.find("OHDR"); at != std::string_view::npos && at + 16 < file.size();
       at = text.find("OHDR", at + 1)) {
    const unsigned flags = file[at + 5];
    const std::size_t place = at + 6 + ((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0);
    const std::size_t width = std::size_t{1} << (flags & 3);
    std::uint64_t bytes = 0;
    if (place + width > file.size()) continue;
    std::memcpy(&bytes, file.data() + place, width);
    if (bytes < file.size()) put_hdf5_checksum(file, at, place + width + bytes);
  }
  return file;
}

}  // namespace pathline::fuzz
