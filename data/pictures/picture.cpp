#include "data/pictures/picture.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "data/sources/sample_source.h"

namespace pathline::data {

namespace {

std::uint8_t over(unsigned value, unsigned alpha, unsigned background) {
  return static_cast<std::uint8_t>((alpha * value + (255 - alpha) * background + 127) / 255);
}

std::uint8_t grey_of(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((299 * red + 587 * green + 114 * blue + 500) / 1000);
}

int stored_channels(const PictureOptions& options, int channels) {
  switch (options.colour) {
    case Colour::rgb:
      return 3;
    case Colour::grey:
      return 1;
    case Colour::as_it_is:
      break;
  }
  return channels <= 2 ? 1 : 3;
}

/// The largest rectangle of the target's proportions inside `extent`.
Extent centred_crop(Extent extent, Extent target) {
  if (extent.width * target.height > extent.height * target.width)
    return {std::max<std::int64_t>(1, extent.height * target.width / target.height), extent.height};
  return {extent.width, std::max<std::int64_t>(1, extent.width * target.height / target.width)};
}

}  // namespace

ImageShape converted_shape(const PictureOptions& options, Extent extent, int channels) {
  const Extent size = options.size.value_or(extent);
  return {stored_channels(options, channels), size.height, size.width};
}

PictureConverter::PictureConverter(const PictureOptions& options, const std::optional<ImageShape>& required)
    : options_(options), required_(required) {}

PictureConverter::~PictureConverter() = default;

void PictureConverter::start(std::int64_t width, std::int64_t height, int channels) {
  shape_ = converted_shape(options_, {width, height}, channels);
  if (required_ && shape_ != *required_) {
    throw BadSample(fmt::format(
        "{} x {} pixels in {} channels; the first one has {} x {} in {} (--size makes them alike)", shape_.width,
        shape_.height, shape_.channels, required_->width, required_->height, required_->channels));
  }
  channels_ = channels;
  y_ = 0;
  crop_ = {width, height};
  if (options_.size && options_.crop_center) crop_ = centred_crop(crop_, *options_.size);
  left_ = (width - crop_.width) / 2;
  top_ = (height - crop_.height) / 2;
  row_.resize(static_cast<std::size_t>(crop_.width * shape_.channels));
  image_.resize(static_cast<std::size_t>(shape_.values()));
  const Extent to{shape_.width, shape_.height};
  resampler_.reset();
  if (crop_ != to) {
    resampler_ = std::make_unique<Resampler>(crop_, to, static_cast<int>(shape_.channels), options_.filter,
                                             reinterpret_cast<std::uint8_t*>(image_.data()));
  }
}

void PictureConverter::row(const std::uint8_t* pixels) {
  const std::int64_t y = y_++ - top_;
  if (y < 0 || y >= crop_.height) return;
  pixels += left_ * channels_;
  const bool as_it_is = channels_ == shape_.channels;
  if (!as_it_is) convert_row(pixels);
  const std::uint8_t* row = as_it_is ? pixels : row_.data();
  if (resampler_) {
    resampler_->add_row(row);
  } else {
    std::memcpy(image_.data() + static_cast<std::size_t>(y) * row_.size(), row, row_.size());
  }
}

void PictureConverter::convert_row(const std::uint8_t* in) {
  const auto& background = options_.background;
  std::uint8_t* out = row_.data();
  const bool to_grey = shape_.channels == 1;
  const std::uint8_t grey_background = grey_of(background[0], background[1], background[2]);
  const std::uint8_t* const end = in + crop_.width * channels_;
  for (; in != end; in += channels_) {
    std::array<std::uint8_t, 3> pixel = {in[0], in[0], in[0]};
    if (channels_ >= 3) pixel = {in[0], in[1], in[2]};
    const bool alpha = channels_ == 2 || channels_ == 4;
    const unsigned opacity = alpha ? in[channels_ - 1] : 255;
    if (opacity != 255) {
      for (std::size_t c = 0; c < 3; ++c) {
        const std::uint8_t behind = to_grey && channels_ == 2 ? grey_background : background[c];
        pixel[c] = opacity == 0 ? behind : over(pixel[c], opacity, behind);
      }
    }
    if (!to_grey) {
      std::copy(pixel.begin(), pixel.end(), out);
      out += 3;
    } else {
      *out++ = channels_ >= 3 ? grey_of(pixel[0], pixel[1], pixel[2]) : pixel[0];
    }
  }
}

}  // namespace pathline::data
