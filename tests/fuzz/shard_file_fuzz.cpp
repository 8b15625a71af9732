// The HDF5 structure of a shard, as it stands and with the checksums of its metadata made right, so that mutations
// reach what lies behind them.

#include <cstring>
#include <string>
#include <vector>

#include "data/hdf5_layout.h"
#include "data/lookup3.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using Bytes = std::vector<unsigned char>;

void put_checksum(Bytes& file, std::size_t begin, std::size_t end) {
  if (end + 4 > file.size() || end < begin) return;
  const std::uint32_t sum = pathline::data::lookup3(file.data() + begin, end - begin);
  std::memcpy(file.data() + end, &sum, 4);
}

/// Checksums of the superblock and of every object header of version 2 that can be found; end of file as it is.
Bytes repaired(Bytes file) {
  if (file.size() >= 48) {
    const std::uint64_t end = file.size();
    std::memcpy(file.data() + 28, &end, 8);
    put_checksum(file, 0, 44);
  }
  for (std::size_t at = 0; at + 16 < file.size(); ++at) {
    if (std::memcmp(file.data() + at, "OHDR", 4) != 0) continue;
    const unsigned flags = file[at + 5];
    std::size_t place = at + 6 + ((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0);
    const std::size_t width = std::size_t{1} << (flags & 3);
    std::uint64_t bytes = 0;
    if (place + width > file.size()) continue;
    std::memcpy(&bytes, file.data() + place, width);
    if (bytes < file.size()) put_checksum(file, at, place + width + bytes);
  }
  return file;
}

void look(const Bytes& file) {
  using namespace pathline;
  const fuzz::InputFile input(file.data(), file.size());
  fuzz::accepts([&] {
    const data::Hdf5Layout layout(input.fd(), file.size(), file.size(), "fuzz.h5");
    for (const char* name : {"images", "labels", "checksums", "rows"}) {
      fuzz::accepts([&] {
        const data::StoredDataset found = layout.dataset(name);
        if (found.offset > file.size() || found.bytes > file.size() - found.offset) __builtin_trap();
      });
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes file(data, data + size);
  look(file);
  look(repaired(file));
  return 0;
}
