#include "data/pictures/picture.h"

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

/// The image that a picture becomes, as numbers.
std::vector<int> converted(const PictureOptions& options, std::int64_t width, std::int64_t height, int channels,
                           const std::vector<std::uint8_t>& pixels) {
  PictureConverter converter(options, std::nullopt);
  converter.start(width, height, channels);
  for (std::int64_t y = 0; y < height; ++y) converter.row(pixels.data() + y * width * channels);
  std::vector<int> values;
  for (const std::byte value : converter.take()) values.push_back(static_cast<int>(value));
  return values;
}

PictureOptions coloured(Colour colour) {
  PictureOptions options;
  options.colour = colour;
  return options;
}

TEST(PictureConverter, CompositesAlphaOnTheBackground) {
  PictureOptions options = coloured(Colour::rgb);
  options.background = {255, 0, 10};

  const auto image = converted(options, 3, 1, 4, {100, 100, 100, 255, 100, 100, 100, 0, 100, 100, 100, 128});

  // 128/255 of 100 plus 127/255 of the background.
  EXPECT_EQ(image, (std::vector<int>{100, 100, 100, 255, 0, 10, 177, 50, 55}));
}

TEST(PictureConverter, CompositesBeforeResizing) {
  // An invisible red pixel beside an opaque blue one must not tint the mean.
  PictureOptions options = coloured(Colour::rgb);
  options.size = Extent{1, 1};
  options.crop_center = false;
  options.background = {0, 0, 0};

  const auto image = converted(options, 2, 1, 4, {255, 0, 0, 0, 0, 0, 200, 255});

  EXPECT_EQ(image, (std::vector<int>{0, 0, 100}));
}

TEST(PictureConverter, GreyIsTheLumaOfBt601) {
  const auto image = converted(coloured(Colour::grey), 4, 1, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77});

  EXPECT_EQ(image, (std::vector<int>{76, 150, 29, 77}));
}

TEST(PictureConverter, GreyBecomesThreeEqualChannels) {
  EXPECT_EQ(converted(coloured(Colour::rgb), 2, 1, 1, {5, 9}), (std::vector<int>{5, 5, 5, 9, 9, 9}));
  EXPECT_EQ(converted(coloured(Colour::rgb), 1, 1, 2, {5, 255}), (std::vector<int>{5, 5, 5}));
}

TEST(PictureConverter, CropsTheCentre) {
  PictureOptions options;
  options.size = Extent{2, 2};

  EXPECT_EQ(converted(options, 5, 2, 1, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), (std::vector<int>{2, 3, 7, 8}));
  EXPECT_EQ(converted(options, 2, 4, 1, {1, 2, 3, 4, 5, 6, 7, 8}), (std::vector<int>{3, 4, 5, 6}));
}

TEST(PictureConverter, WithoutCropTheWholePictureIsSqueezed) {
  PictureOptions options;
  options.size = Extent{2, 1};
  options.crop_center = false;

  EXPECT_EQ(converted(options, 4, 1, 1, {10, 20, 30, 40}), (std::vector<int>{15, 35}));
}

TEST(PictureConverter, AnotherShapeThanRequiredIsABadSample) {
  PictureConverter converter({}, ImageShape{3, 4, 5});

  EXPECT_THROW(converter.start(4, 5, 3), BadSample);
  EXPECT_THROW(converter.start(5, 4, 1), BadSample);
  EXPECT_NO_THROW(converter.start(5, 4, 3));
}

}  // namespace
}  // namespace pathline::data
