#include "data/pictures/picture_decoder.h"

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

CollectedPicture decoded(const std::string& file) {
  CollectedPicture picture;
  decode_picture(std::as_bytes(std::span(file)), picture);
  return picture;
}

void expect_bad(const std::string& file, const std::string& word) {
  try {
    decoded(file);
    FAIL() << "nothing thrown; expected " << word;
  } catch (const BadSample& problem) {
    EXPECT_NE(problem.message().find(word), std::string::npos) << problem.message();
  }
}

void put_big_endian(std::string& text, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) text[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (24 - 8 * i));
}

/// A PNG with another size in its header, and that header's CRC made right again.
std::string with_png_size(std::string file, std::uint32_t width, std::uint32_t height) {
  put_big_endian(file, 16, width);
  put_big_endian(file, 20, height);
  std::uint32_t crc = 0xffffffff;
  for (std::size_t i = 12; i < 29; ++i) {
    crc ^= static_cast<unsigned char>(file[i]);
    for (int k = 0; k < 8; ++k) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
  }
  put_big_endian(file, 29, ~crc);
  return file;
}

std::string exif(int orientation, bool big_endian) {
  const char o = static_cast<char>(orientation);
  std::string text("Exif\0\0", 6);
  if (big_endian) {
    text += std::string("MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + o + std::string("\0\0\0\0\0\0", 6);
  } else {
    text += std::string("II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) + o + std::string("\0\0\0\0\0\0\0", 7);
  }
  return text;
}

TEST(PngDecoder, ReadsColour) {
  const auto picture = decoded(png_file({2, 1}, bytes_of_text({1, 2, 3, 250, 251, 252})));

  EXPECT_EQ(picture.width, 2);
  EXPECT_EQ(picture.height, 1);
  EXPECT_EQ(picture.channels, 3);
  EXPECT_EQ(picture.pixels, (std::vector<int>{1, 2, 3, 250, 251, 252}));
}

TEST(PngDecoder, KeepsAlphaBesideColourAndGrey) {
  const auto colour = decoded(png_file({1, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA}, bytes_of_text({9, 8, 7, 128})));
  const auto grey = decoded(png_file({1, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA}, bytes_of_text({9, 128})));

  EXPECT_EQ(colour.pixels, (std::vector<int>{9, 8, 7, 128}));
  EXPECT_EQ(grey.pixels, (std::vector<int>{9, 128}));
}

TEST(PngDecoder, RoundsSixteenBits) {
  const auto picture = decoded(png_file({3, 1, 16, PNG_COLOR_TYPE_GRAY}, bytes_of_text({0, 127, 0, 129, 255, 255})));

  EXPECT_EQ(picture.pixels, (std::vector<int>{0, 1, 255}));  // 127/257 and 129/257 on either side of a half
}

TEST(PngDecoder, ScalesFewBits) {
  const auto one = decoded(png_file({8, 1, 1, PNG_COLOR_TYPE_GRAY}, bytes_of_text({0b10100000})));
  const auto four = decoded(png_file({2, 1, 4, PNG_COLOR_TYPE_GRAY}, bytes_of_text({0x5f})));

  EXPECT_EQ(one.pixels, (std::vector<int>{255, 0, 255, 0, 0, 0, 0, 0}));
  EXPECT_EQ(four.pixels, (std::vector<int>{0x55, 255}));
}

TEST(PngDecoder, LooksUpPalettesAndTheirAlpha) {
  PngSpec spec{2, 1, 8, PNG_COLOR_TYPE_PALETTE};
  spec.palette = {{1, 2, 3}, {4, 5, 6}};
  const auto opaque = decoded(png_file(spec, bytes_of_text({1, 0})));
  spec.transparent = {77};
  const auto transparent = decoded(png_file(spec, bytes_of_text({1, 0})));

  EXPECT_EQ(opaque.pixels, (std::vector<int>{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(transparent.pixels, (std::vector<int>{4, 5, 6, 255, 1, 2, 3, 77}));
}

TEST(PngDecoder, InterlacedEqualsPlain) {
  std::string rows;
  for (int i = 0; i < 13 * 11 * 3; ++i) rows += static_cast<char>(i * 37);
  const auto plain = decoded(png_file({13, 11}, rows));
  PngSpec spec{13, 11};
  spec.interlace = PNG_INTERLACE_ADAM7;
  const auto interlaced = decoded(png_file(spec, rows));

  EXPECT_EQ(plain.pixels, interlaced.pixels);
}

TEST(PngDecoder, EveryCutAndEveryFlippedBitIsFoundOrHarmless) {
  std::string rows;
  for (int i = 0; i < 6 * 5 * 3; ++i) rows += static_cast<char>(i * i);
  const std::string file = png_file({6, 5}, rows);
  const auto whole = decoded(file);

  for (std::size_t cut = 0; cut < file.size() - 12; ++cut) EXPECT_THROW(decoded(file.substr(0, cut)), BadSample) << cut;
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string damaged = file;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    try {
      EXPECT_EQ(decoded(damaged).pixels, whole.pixels) << "bit " << bit << " changes the picture unnoticed";
    } catch (const BadSample&) {
    }
  }
}

TEST(PngDecoder, RefusesBombsBeforeTheSinkHearsOfThem) {
  const std::string file = plain_png(2, 2, 7);

  expect_bad(with_png_size(file, 60000, 60000), "60000 x 60000 pixels");
  expect_bad(with_png_size(file, 2000000000, 1), "PNG");
  expect_bad(with_png_size(file, 16000, 16000), "16000 x 16000 pixels cannot be in a file of");
}

TEST(JpegDecoder, ReadsColourAndGrey) {
  const auto colour = decoded(jpeg_file(8, 8, JCS_RGB, std::string(8 * 8 * 3, static_cast<char>(200))));
  const auto grey = decoded(jpeg_file(8, 8, JCS_GRAYSCALE, std::string(64, static_cast<char>(90))));

  EXPECT_EQ(colour.channels, 3);
  EXPECT_EQ(colour.pixels, std::vector<int>(8 * 8 * 3, 200));
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, std::vector<int>(64, 90));
}

TEST(JpegDecoder, MultipliesInverseInksOfAdobesCmyk) {
  // libjpeg marks what it writes as Adobe's: the numbers are 255 - ink.
  std::string pixels;
  for (int i = 0; i < 64; ++i) pixels += bytes_of_text({255, 128, 0, 128});

  const auto picture = decoded(jpeg_file(8, 8, JCS_CMYK, pixels));

  EXPECT_EQ(picture.channels, 3);
  EXPECT_NEAR(picture.pixels[0], 128, 2);
  EXPECT_NEAR(picture.pixels[1], 64, 2);
  EXPECT_NEAR(picture.pixels[2], 0, 2);
}

TEST(JpegDecoder, AppliesTheOrientation) {
  // Four plain 8 x 8 blocks, a b c over d e f: 24 x 16 pixels.
  const int levels[2][3] = {{0, 50, 100}, {150, 200, 250}};
  std::string pixels;
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 24; ++x) pixels += static_cast<char>(levels[y / 8][x / 8]);
  }
  const std::vector<std::vector<std::vector<int>>> shown = {
      {{0, 50, 100}, {150, 200, 250}},   {{100, 50, 0}, {250, 200, 150}},   {{250, 200, 150}, {100, 50, 0}},
      {{150, 200, 250}, {0, 50, 100}},   {{0, 150}, {50, 200}, {100, 250}}, {{150, 0}, {200, 50}, {250, 100}},
      {{250, 100}, {200, 50}, {150, 0}}, {{100, 250}, {50, 200}, {0, 150}}};

  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const auto picture = decoded(jpeg_file(24, 16, JCS_GRAYSCALE, pixels, exif(orientation, big_endian)));
      const auto& expected = shown[static_cast<std::size_t>(orientation) - 1];
      ASSERT_EQ(picture.height, 8 * static_cast<std::int64_t>(expected.size())) << orientation;
      for (std::size_t r = 0; r < expected.size(); ++r) {
        for (std::size_t c = 0; c < expected[r].size(); ++c) {
          EXPECT_NEAR(picture.pixels[(8 * r + 4) * static_cast<std::size_t>(picture.width) + 8 * c + 4], expected[r][c],
                      2)
              << "orientation " << orientation << " block " << r << ", " << c;
        }
      }
    }
  }
}

TEST(JpegDecoder, IgnoresOrientationsThatMakeNoSense) {
  const std::string pixels(64, static_cast<char>(90));
  for (const std::string& segment :
       {exif(9, false), exif(0, true), exif(6, false).substr(0, 20), std::string("Exif")}) {
    EXPECT_EQ(decoded(jpeg_file(8, 8, JCS_GRAYSCALE, pixels, segment)).pixels, std::vector<int>(64, 90));
  }
}

TEST(JpegDecoder, ProgressiveEqualsBaseline) {
  std::string pixels;
  for (int i = 0; i < 32 * 16 * 3; ++i) pixels += static_cast<char>(i * 7);

  EXPECT_EQ(decoded(jpeg_file(32, 16, JCS_RGB, pixels, "", true)).pixels,
            decoded(jpeg_file(32, 16, JCS_RGB, pixels)).pixels);
}

TEST(JpegDecoder, EveryCutIsFound) {
  std::string pixels;
  for (int i = 0; i < 32 * 32; ++i) pixels += static_cast<char>(i * 57);
  const std::string file = jpeg_file(32, 32, JCS_GRAYSCALE, pixels);

  for (std::size_t cut = 0; cut < file.size() - 8; cut += 3)
    EXPECT_THROW(decoded(file.substr(0, cut)), BadSample) << cut;
}

TEST(JpegDecoder, RefusesBombs) {
  std::string file = jpeg_file(8, 8, JCS_GRAYSCALE, std::string(64, 'x'));
  const std::size_t frame = file.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  for (const std::size_t at : {frame + 5, frame + 7}) file.replace(at, 2, "\xff\xdc");

  expect_bad(file, "65500 x 65500 pixels");

  for (const std::size_t at : {frame + 5, frame + 7}) file.replace(at, 2, "\x3e\x80");
  expect_bad(file, "16000 x 16000 pixels cannot be in a file of");
}

TEST(JpegDecoder, RefusesArithmeticCoding) {
  std::string file = jpeg_file(8, 8, JCS_GRAYSCALE, std::string(64, 'x'));
  file[file.find("\xff\xc0") + 1] = '\xc9';  // SOF9 in place of SOF0

  expect_bad(file, "arithmetic coding");
}

TEST(PictureDecoder, RefusesOtherFormats) {
  expect_bad("", "empty");
  expect_bad("GIF89a and more", "neither PNG nor JPEG");
}

}  // namespace
}  // namespace pathline::data
