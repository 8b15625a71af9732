#pragma once
// Pictures for people: images laid out in a grid, PNG.
//
// Pure functions over plain memory; no LibTorch. Thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/pictures/image_shape.h"

namespace pathline::sampling {

/// Rows of pixels, top to bottom: [height, width, channels], channels 1 (grey) or 3 (RGB).
struct Picture {
  std::int64_t width = 0, height = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};

/// Which image goes where: one vector of image numbers per row of the grid.
using GridRows = std::vector<std::vector<std::int64_t>>;

/// A row per class that occurs, in order of class, with at most `columns` of its images in order of number.
GridRows rows_by_class(const std::vector<std::int64_t>& labels, std::int64_t columns);
/// Images 0 … count-1 in reading order, about as many rows as columns.
GridRows rows_in_order(std::int64_t count);

struct GridStyle {
  std::int64_t scale = 2;  ///< pixels per image pixel
  std::int64_t gap = 2;    ///< pixels between images
  std::uint8_t background = 255;
};

/// The grid of `images` ([N, H, W, C] bytes). Two or more than three channels: one or the first three are shown.
Picture tile(std::span<const std::uint8_t> images, const data::ImageShape& shape, const GridRows& rows,
             const GridStyle& style = {});

/// PNG file contents (8 bit grey or RGB).
std::string encode_png(const Picture& picture);

/// Base 64 (RFC 4648) for data: addresses.
std::string base64(std::string_view bytes);

}  // namespace pathline::sampling
