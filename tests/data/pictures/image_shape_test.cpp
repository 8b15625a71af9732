#include "data/pictures/image_shape.h"

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

TEST(ImageShape, IsThatOfAPictureAndBack) {
  const SampleShape shape = SampleShape::picture(3, 4, 5);

  const ImageShape image = image_shape(shape, "set");

  EXPECT_EQ(image, (ImageShape{3, 4, 5}));
  EXPECT_EQ(image.sample_shape(), shape);
}

TEST(ImageShape, IsRefusedForOtherSamples) {
  for (const SampleShape& shape : {SampleShape::vector(6), SampleShape::sequence(2, 3), SampleShape()})
    expect_error(ExitCode::bad_input, {"set", "pictures", shape.describe()}, [&] { image_shape(shape, "set"); });
}

}  // namespace
}  // namespace pathline::data
