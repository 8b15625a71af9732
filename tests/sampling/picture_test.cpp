#include "sampling/picture.h"

#include <cstring>

#include <gtest/gtest.h>
#include <png.h>

namespace pathline::sampling {
namespace {

/// Decodes with libpng's own reader, the oracle here.
Picture decode(const std::string& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, png.data(), png.size()), 0);
  Picture picture;
  picture.channels = image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  image.format = picture.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  picture.width = image.width;
  picture.height = image.height;
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr), 0);
  return picture;
}

TEST(Png, GreyPixelsSurviveARoundTrip) {
  const Picture picture{3, 2, 1, {0, 1, 127, 128, 254, 255}};

  const Picture back = decode(encode_png(picture));

  EXPECT_EQ(back.width, 3);
  EXPECT_EQ(back.height, 2);
  EXPECT_EQ(back.pixels, picture.pixels);
}

TEST(Png, ColoursKeepTheirOrder) {
  const Picture picture{2, 1, 3, {255, 0, 10, 0, 128, 255}};

  const Picture back = decode(encode_png(picture));

  EXPECT_EQ(back.channels, 3);
  EXPECT_EQ(back.pixels, picture.pixels);
}

TEST(Png, SamePictureGivesSameBytes) {
  const Picture picture{2, 2, 1, {1, 2, 3, 4}};

  EXPECT_EQ(encode_png(picture), encode_png(picture));
}

TEST(Tile, PutsImagesWhereTheRowsSay) {
  const std::vector<std::uint8_t> images = {10, 20, 30};  // three images of one pixel
  const GridRows rows = {{2, 0}, {1}};

  const Picture picture = tile(images, {1, 1, 1}, rows, {.scale = 1, .gap = 1, .background = 255});

  EXPECT_EQ(picture.width, 5);
  EXPECT_EQ(picture.height, 5);
  const std::vector<std::uint8_t> expected = {255, 255, 255, 255, 255,  //
                                              255, 30,  255, 10,  255,  //
                                              255, 255, 255, 255, 255,  //
                                              255, 20,  255, 255, 255,  //
                                              255, 255, 255, 255, 255};
  EXPECT_EQ(picture.pixels, expected);
}

TEST(Tile, ScaleRepeatsPixels) {
  const std::vector<std::uint8_t> images = {1, 2};  // one image, two pixels wide

  const Picture picture = tile(images, {1, 1, 2}, {{0}}, {.scale = 2, .gap = 0, .background = 255});

  EXPECT_EQ(picture.pixels, (std::vector<std::uint8_t>{1, 1, 2, 2, 1, 1, 2, 2}));
}

TEST(Tile, ShowsTheFirstThreeOfManyChannels) {
  const std::vector<std::uint8_t> images = {1, 2, 3, 4};

  const Picture picture = tile(images, {4, 1, 1}, {{0}}, {.scale = 1, .gap = 0, .background = 255});

  EXPECT_EQ(picture.channels, 3);
  EXPECT_EQ(picture.pixels, (std::vector<std::uint8_t>{1, 2, 3}));
}

TEST(Rows, ByClassSortsAndLimits) {
  const GridRows rows = rows_by_class({1, 0, 1, 0, 1}, 2);

  EXPECT_EQ(rows, (GridRows{{1, 3}, {0, 2}}));
}

TEST(Rows, InOrderIsAboutSquare) {
  EXPECT_EQ(rows_in_order(5), (GridRows{{0, 1, 2}, {3, 4}}));
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, TakesBytesAbove127) {
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

}  // namespace
}  // namespace pathline::sampling
