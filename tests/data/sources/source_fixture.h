#pragma once
// What the tests of the sources share: reading a source as a conversion does, and small PNG, JPEG and npy files.

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

// jpeglib.h needs stdio.
#include <jpeglib.h>
#include <png.h>

#include "data/pictures/picture.h"
#include "data/sources/sample_source.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {

inline Sample read_sample(SampleSource& source, std::uint64_t number) {
  std::vector<std::byte> raw;
  source.fetch(number, raw);
  Sample sample;
  source.decode(number, raw, sample);
  return sample;
}

inline std::vector<int> bytes_of_sample(SampleSource& source, std::uint64_t number) {
  std::vector<int> values;
  for (const std::byte value : read_sample(source, number).values) values.push_back(static_cast<int>(value));
  return values;
}

inline std::vector<float> floats_of_sample(SampleSource& source, std::uint64_t number) {
  const Sample sample = read_sample(source, number);
  std::vector<float> values(sample.values.size() / 4);
  std::memcpy(values.data(), sample.values.data(), values.size() * 4);
  return values;
}

/// Sample `number` must be a BadSample whose reason holds `word`.
inline void expect_bad(SampleSource& source, std::uint64_t number, const std::string& word) {
  try {
    read_sample(source, number);
    ADD_FAILURE() << "nothing thrown; expected " << word;
  } catch (const BadSample& problem) {
    EXPECT_NE(problem.message().find(word), std::string::npos) << problem.message();
  }
}

inline std::string bytes_of_text(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

/// What decode_picture() hands over.
struct CollectedPicture : RowSink {
  std::int64_t width = 0, height = 0;
  int channels = 0;
  std::vector<int> pixels;
  void start(std::int64_t w, std::int64_t h, int c) override {
    width = w;
    height = h;
    channels = c;
  }
  void row(const std::uint8_t* from) override { pixels.insert(pixels.end(), from, from + width * channels); }
};

struct PngSpec {
  unsigned width = 0, height = 0;
  int depth = 8, colour = PNG_COLOR_TYPE_RGB, interlace = PNG_INTERLACE_NONE;
  std::vector<png_color> palette = {};
  std::vector<png_byte> transparent = {};  // alpha of palette entries
};

/// `rows` as PNG stores them: packed, big-endian.
inline std::string png_file(const PngSpec& spec, const std::string& rows) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, png_size_t bytes) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<const char*>(data), bytes);
      },
      nullptr);
  png_set_IHDR(png, info, spec.width, spec.height, spec.depth, spec.colour, spec.interlace,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!spec.palette.empty()) png_set_PLTE(png, info, spec.palette.data(), static_cast<int>(spec.palette.size()));
  if (!spec.transparent.empty())
    png_set_tRNS(png, info, spec.transparent.data(), static_cast<int>(spec.transparent.size()), nullptr);
  png_write_info(png, info);
  const std::size_t row_bytes = rows.size() / spec.height;
  std::vector<png_bytep> pointers;
  for (unsigned y = 0; y < spec.height; ++y)
    pointers.push_back(reinterpret_cast<png_bytep>(const_cast<char*>(rows.data() + y * row_bytes)));
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

/// RGB, or grey, of one colour per picture.
inline std::string plain_png(unsigned width, unsigned height, int value, int channels = 3) {
  PngSpec spec{width, height};
  spec.colour = channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB;
  return png_file(spec, std::string(static_cast<std::size_t>(width) * height * static_cast<unsigned>(channels),
                                    static_cast<char>(value)));
}

/// At the best quality, without subsampling; `exif`: an APP1 segment.
inline std::string jpeg_file(unsigned width, unsigned height, J_COLOR_SPACE space, const std::string& pixels,
                             const std::string& exif = {}, bool progressive = false) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = static_cast<int>(pixels.size() / width / height);
  jpeg.in_color_space = space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  for (int c = 0; c < jpeg.num_components; ++c) jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
  jpeg_start_compress(&jpeg, TRUE);
  if (!exif.empty())
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned>(exif.size()));
  while (jpeg.next_scanline < height) {
    JSAMPROW rows[1] = {
        reinterpret_cast<JSAMPROW>(const_cast<char*>(pixels.data() + jpeg.next_scanline * (pixels.size() / height)))};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string out(reinterpret_cast<const char*>(bytes), size);
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
  return out;
}

/// A .npy file, version 1.
inline std::string npy_file(const std::string& descr, const std::string& shape, const std::string& values,
                            const std::string& order = "False") {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  while ((header.size() + 11) % 64 != 0) header += ' ';
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() & 255) +
         static_cast<char>(header.size() >> 8) + header + values;
}

template <class T>
std::string as_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace pathline::data
