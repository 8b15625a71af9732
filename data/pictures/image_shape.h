#pragma once
// Pictures as converters, decoders and PNG files see them: channels, height, width. Everything between those ends
// passes on a SampleShape. Thread-safety: plain value.

#include <cstdint>
#include <string>

#include "core/sample_shape.h"

namespace pathline::data {

struct ImageShape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t values() const noexcept { return channels * height * width; }
  SampleShape sample_shape() const { return SampleShape::picture(channels, height, width); }
  bool operator==(const ImageShape&) const = default;
};

/// Of samples that must be pictures: Error(bad_input) at `place` for others.
ImageShape image_shape(const SampleShape& shape, const std::string& place);

}  // namespace pathline::data
