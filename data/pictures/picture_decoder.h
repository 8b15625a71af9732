#pragma once
// Decodes PNG and JPEG files held in memory, whoever made them: sizes are checked before anything is allocated, and
// damage of any kind is a BadSample, never a grey patch.
//
// PNG: every colour type and depth; palettes and tRNS become RGB(A), 16 bits are rounded to 8, 1 to 4 bits are scaled
// to 0 … 255, interlaced ones are put together first. Gamma, colour profiles and orientation tags are not applied.
// JPEG: grey, RGB, YCbCr, CMYK and YCCK, baseline and progressive, with Huffman codes. CMYK becomes R = C·K/255 and so
// on, in the inverted form that Adobe writes, without profiles. The EXIF orientation is applied, so a picture is seen
// as viewers show it. Told apart by contents, not by name. Thread-safe: no state.

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/pictures/picture.h"

namespace pathline::data {

constexpr std::int64_t largest_picture_side = 65535;
constexpr std::int64_t largest_picture_pixels = std::int64_t{1} << 28;
constexpr std::uint64_t largest_picture_file = std::uint64_t{1} << 29;  // bytes

/// Throws BadSample, and whatever the sink throws.
void decode_picture(std::span<const std::byte> file, RowSink& sink);

// One file per format; decode_picture() chooses.
void decode_png(std::span<const std::byte> file, RowSink& sink);
void decode_jpeg(std::span<const std::byte> file, RowSink& sink);
/// BadSample for sizes beyond the limits above.
void check_picture_size(std::uint64_t width, std::uint64_t height);

}  // namespace pathline::data
