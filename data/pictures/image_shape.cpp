#include "data/pictures/image_shape.h"

#include "core/error.h"

namespace pathline::data {

ImageShape image_shape(const SampleShape& shape, const std::string& place) {
  if (shape.kind() != SampleKind::picture)
    throw Error(ExitCode::bad_input, "expected pictures, found samples of the shape " + shape.describe(), place);
  return {shape.sizes()[0], shape.sizes()[1], shape.sizes()[2]};
}

}  // namespace pathline::data
