#pragma once
// From a decoded picture to the image that is stored: alpha, crop, colour, size. Rows go through one by one, so that a
// picture of any size needs the memory of a few rows.
//
// Conventions, which define the data sets made with them:
// - Alpha is composited on the background first: (a·v + (255 − a)·background) / 255, rounded.
// - Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded; RGB of a grey picture has three equal channels.
// - Crop "center" takes the largest centred rectangle of the target's proportions (rounded down; an odd pixel more is
//   left at the right or bottom); "none" takes the whole picture, which changes proportions.
// - Resizing works on the stored numbers as they are, without gamma (data/pictures/resample.h).

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/pictures/image_shape.h"
#include "data/pictures/resample.h"

namespace pathline::data {

/// Where decoders put a picture: start() once, then every row from the top. Channels: 1 grey, 2 grey + alpha, 3 RGB,
/// 4 RGB + alpha; 8 bits each.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void start(std::int64_t width, std::int64_t height, int channels) = 0;
  virtual void row(const std::uint8_t* pixels) = 0;
};

enum class Colour { as_it_is, rgb, grey };

struct PictureOptions {
  std::optional<Extent> size;  ///< none: as it is
  bool crop_center = true;
  ResizeFilter filter = ResizeFilter::area;
  Colour colour = Colour::as_it_is;
  std::array<std::uint8_t, 3> background = {255, 255, 255};
  bool changes_nothing() const noexcept { return !size && colour == Colour::as_it_is; }
};

/// What a picture of this size and these channels becomes.
ImageShape converted_shape(const PictureOptions& options, Extent extent, int channels);

class PictureConverter : public RowSink {
 public:
  /// With `required`, a picture that would become another shape is a BadSample.
  PictureConverter(const PictureOptions& options, const std::optional<ImageShape>& required);
  ~PictureConverter() override;

  void start(std::int64_t width, std::int64_t height, int channels) override;
  void row(const std::uint8_t* pixels) override;
  const ImageShape& shape() const noexcept { return shape_; }
  /// The image [H, W, C] once all rows are in.
  std::vector<std::byte> take() { return std::move(image_); }

 private:
  void convert_row(const std::uint8_t* pixels);

  const PictureOptions options_;
  std::optional<ImageShape> required_;
  ImageShape shape_;
  std::int64_t left_ = 0, top_ = 0, height_ = 0, y_ = 0;
  Extent crop_;
  int channels_ = 0;
  std::vector<std::uint8_t> row_;  // one row of the crop, in the channels of the result
  std::vector<std::byte> image_;
  std::unique_ptr<Resampler> resampler_;
};

}  // namespace pathline::data
