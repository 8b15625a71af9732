#include "core/sample_shape.h"

#include <functional>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pathline {

SampleShape SampleShape::picture(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return {SampleKind::picture, {channels, height, width}};
}

SampleShape SampleShape::vector(std::int64_t values) {
  return {SampleKind::vector, {values}};
}

SampleShape SampleShape::sequence(std::int64_t steps, std::int64_t values) {
  return {SampleKind::sequence, {steps, values}};
}

std::vector<std::int64_t> SampleShape::batch_sizes(std::int64_t batch) const {
  std::vector<std::int64_t> sizes = {batch};
  sizes.insert(sizes.end(), sizes_.begin(), sizes_.end());
  return sizes;
}

std::int64_t SampleShape::values() const noexcept {
  if (sizes_.empty()) return 0;
  return std::accumulate(sizes_.begin(), sizes_.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t SampleShape::channels() const noexcept {
  if (sizes_.empty()) return 0;
  return kind_ == SampleKind::picture ? sizes_.front() : sizes_.back();
}

std::string SampleShape::describe() const {
  return fmt::format("{} [{}]", to_string(kind_), fmt::join(sizes_, ", "));
}

const char* to_string(SampleKind kind) {
  switch (kind) {
    case SampleKind::picture:
      return "picture";
    case SampleKind::vector:
      return "vector";
    case SampleKind::sequence:
      return "sequence";
  }
  return "unknown";
}

}  // namespace pathline
