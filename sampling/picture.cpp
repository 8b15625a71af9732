#include "sampling/picture.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <png.h>

#include "core/error.h"

namespace pathline::sampling {

GridRows rows_by_class(const std::vector<std::int64_t>& labels, std::int64_t columns) {
  std::map<std::int64_t, std::vector<std::int64_t>> rows;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto& row = rows[labels[i]];
    if (static_cast<std::int64_t>(row.size()) < columns) row.push_back(static_cast<std::int64_t>(i));
  }
  GridRows result;
  for (auto& [label, row] : rows) result.push_back(std::move(row));
  return result;
}

GridRows rows_in_order(std::int64_t count) {
  const auto columns = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  GridRows rows;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % columns == 0) rows.emplace_back();
    rows.back().push_back(i);
  }
  return rows;
}

Picture tile(std::span<const std::uint8_t> images, const data::ImageShape& shape, const GridRows& rows,
             const GridStyle& style) {
  std::size_t columns = 0;
  for (const auto& row : rows) columns = std::max(columns, row.size());
  const std::int64_t cell_width = shape.width * style.scale, cell_height = shape.height * style.scale;
  Picture picture;
  picture.channels = shape.channels >= 3 ? 3 : 1;
  picture.width = static_cast<std::int64_t>(columns) * (cell_width + style.gap) + style.gap;
  picture.height = static_cast<std::int64_t>(rows.size()) * (cell_height + style.gap) + style.gap;
  picture.pixels.assign(static_cast<std::size_t>(picture.width * picture.height * picture.channels), style.background);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t k = 0; k < rows[r].size(); ++k) {
      const std::uint8_t* image = images.data() + rows[r][k] * shape.values();
      const std::int64_t top = style.gap + static_cast<std::int64_t>(r) * (cell_height + style.gap);
      const std::int64_t left = style.gap + static_cast<std::int64_t>(k) * (cell_width + style.gap);
      for (std::int64_t y = 0; y < cell_height; ++y) {
        for (std::int64_t x = 0; x < cell_width; ++x) {
          const std::uint8_t* source = image + ((y / style.scale) * shape.width + x / style.scale) * shape.channels;
          std::uint8_t* target = picture.pixels.data() + ((top + y) * picture.width + left + x) * picture.channels;
          std::copy_n(source, picture.channels, target);
        }
      }
    }
  }
  return picture;
}

std::string encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = picture.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.pixels.data(), 0, nullptr)) {
    throw Error(ExitCode::usage, std::string("cannot encode the picture as PNG: ") + image.message, "",
                "a smaller --count makes a smaller picture");
  }
  bytes.resize(size);
  return bytes;
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t word = 0;
    for (std::size_t k = 0; k < 3; ++k)
      word = word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? digits[word >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

}  // namespace pathline::sampling
