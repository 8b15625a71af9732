#include "data/pictures/picture_decoder.h"

#include <array>
#include <cstring>

#include <fmt/format.h>

#include "data/sources/sample_source.h"

namespace pathline::data {

namespace {

constexpr std::array<unsigned char, 8> png_signature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::array<unsigned char, 3> jpeg_signature = {0xff, 0xd8, 0xff};

template <std::size_t N>
bool begins_with(std::span<const std::byte> file, const std::array<unsigned char, N>& signature) {
  return file.size() >= N && std::memcmp(file.data(), signature.data(), N) == 0;
}

}  // namespace

void check_picture_size(std::uint64_t width, std::uint64_t height) {
  constexpr auto side = static_cast<std::uint64_t>(largest_picture_side);
  constexpr auto pixels = static_cast<std::uint64_t>(largest_picture_pixels);
  if (width == 0 || height == 0 || width > side || height > side || width * height > pixels) {
    throw BadSample(fmt::format("{} x {} pixels; expected 1 to {} a side and at most {} in all", width, height,
                                largest_picture_side, largest_picture_pixels));
  }
}

void decode_picture(std::span<const std::byte> file, RowSink& sink) {
  if (begins_with(file, png_signature)) return decode_png(file, sink);
  if (begins_with(file, jpeg_signature)) return decode_jpeg(file, sink);
  throw BadSample(file.empty() ? "the file is empty"
                               : "neither PNG nor JPEG: its first bytes are those of another format");
}

}  // namespace pathline::data
