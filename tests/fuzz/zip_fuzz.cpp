// A zip of pictures, with or without dataset.json: as it stands, and with the CRCs in its directory made right.

#include <algorithm>
#include <cstring>
#include <string>

#include <zlib.h>

#include "data/sources/picture_source.h"
#include "tests/fuzz/fuzz_source.h"

namespace {

std::uint64_t number(std::string_view file, std::size_t at, unsigned bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{static_cast<unsigned char>(file[at + i])} << 8 * i;
  return value;
}

/// The CRC of what an entry unpacks to, as long as it is not absurd.
std::uint32_t crc_of(std::string_view packed, bool deflated, std::size_t size) {
  const auto* bytes = reinterpret_cast<const Bytef*>(packed.data());
  if (!deflated) return static_cast<std::uint32_t>(crc32_z(0, bytes, packed.size()));
  std::string out(std::min<std::size_t>(size, 1 << 20), '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) __builtin_trap();
  stream.next_in = const_cast<Bytef*>(bytes);
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), stream.total_out));
}

/// APPNOTE.TXT, sections 4.3.7 (local header) and 4.3.12 (directory).
std::string repaired(std::string file) {
  for (std::size_t at = file.find("PK\1\2"); at != std::string::npos && at + 46 <= file.size();
       at = file.find("PK\1\2", at + 4)) {
    const std::size_t packed = number(file, at + 20, 4), size = number(file, at + 24, 4);
    const std::size_t local = number(file, at + 42, 4);
    if (local > file.size() || file.size() - local < 30) continue;
    const std::size_t begin = local + 30 + number(file, local + 26, 2) + number(file, local + 28, 2);
    if (begin > file.size() || packed > file.size() - begin) continue;
    const std::uint32_t crc = crc_of(std::string_view(file).substr(begin, packed), number(file, at + 10, 2) == 8, size);
    for (unsigned i = 0; i < 4; ++i) file[at + 16 + i] = file[local + 14 + i] = static_cast<char>(crc >> 8 * i);
  }
  return file;
}

void read(std::string_view archive) {
  using namespace pathline;
  static const fuzz::InputFolder folder;
  const auto file = folder.write("input.zip", archive);
  fuzz::accepts([&] { fuzz::read_samples(*data::make_zip_source(file, {})); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto archive = pathline::fuzz::view(data, size);
  read(archive);
  read(repaired(std::string(archive)));
  return 0;
}
