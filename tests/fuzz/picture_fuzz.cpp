// PNG and JPEG files, decoded and converted: as they stand, and PNGs with the CRCs of their chunks made right, so that
// mutations reach what lies behind them.

#include <string>

#include <zlib.h>

#include "data/pictures/picture_decoder.h"
#include "tests/fuzz/fuzz_source.h"

namespace {

/// The CRC of every chunk, for as long as the lengths lead from one to the next (PNG specification, section 5.3).
std::string repaired(std::string file) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.data());
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = std::size_t{bytes[at]} << 24 | std::size_t{bytes[at + 1]} << 16 |
                               std::size_t{bytes[at + 2]} << 8 | bytes[at + 3];
    if (length > file.size() - at - 12) break;
    const auto crc = static_cast<std::uint32_t>(crc32(0, bytes + at + 4, static_cast<uInt>(length + 4)));
    for (unsigned i = 0; i < 4; ++i) file[at + 8 + length + i] = static_cast<char>(crc >> (24 - 8 * i));
    at += length + 12;
  }
  return file;
}

void decode(std::string_view file, const pathline::data::PictureOptions& options) {
  using namespace pathline;
  fuzz::accepts([&] {
    data::PictureConverter converter(options, std::nullopt);
    data::decode_picture(std::as_bytes(std::span(file)), converter);
    if (converter.take().size() != static_cast<std::size_t>(converter.shape().values())) __builtin_trap();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  data::PictureOptions small, grey;
  small.size = data::Extent{9, 7};
  small.colour = data::Colour::rgb;
  grey.size = data::Extent{5, 11};
  grey.crop_center = false;
  grey.filter = data::ResizeFilter::lanczos;
  grey.colour = data::Colour::grey;
  const auto bytes = fuzz::view(data, size);
  for (const auto& options : {small, grey, data::PictureOptions{}}) decode(bytes, options);
  if (bytes.substr(0, 4) == "\x89PNG") decode(repaired(std::string(bytes)), small);
  return 0;
}
