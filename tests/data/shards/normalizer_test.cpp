#include "data/shards/normalizer.h"

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

TEST(Normalizer, GivesTheDefinitionForEveryByteAndChannel) {
  for (const std::vector<double>& scale : {std::vector<double>{127.5, 127.5}, std::vector<double>{0.3, 1e5}}) {
    DatasetInfo info = small_info(SampleShape::picture(2, 16, 16));
    info.scale = scale;
    std::vector<std::uint8_t> bytes(512);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i / 2);  // each in each channel
    std::vector<float> out(512);

    const Normalizer normalize(info);
    normalize(reinterpret_cast<const std::byte*>(bytes.data()), out.data());

    for (std::size_t i = 0; i < 512; ++i) ASSERT_EQ(out[i], static_cast<float>((bytes[i] - 127.5) / scale[i % 2])) << i;
  }
}

TEST(Normalizer, TakesTheColumnsOfVectorsAndSequencesAsChannels) {
  for (const SampleShape& shape : {SampleShape::vector(3), SampleShape::sequence(5, 3)}) {
    DatasetInfo info = small_info(shape, "float32");
    info.mean = {1, 10, 100};
    info.scale = {2, 4, 8};
    const std::vector<std::byte> stored = small_sample(info, 6);  // 6, 5.75, 5.5 …
    std::vector<float> out(static_cast<std::size_t>(shape.values()));

    const Normalizer normalize(info);
    normalize(stored.data(), out.data());

    for (std::size_t i = 0; i < out.size(); ++i) {
      const double value = 6 - 0.25 * static_cast<double>(i);
      ASSERT_EQ(out[i], static_cast<float>((value - info.mean[i % 3]) / info.scale[i % 3])) << i;
    }
  }
}

TEST(NormalizeCondition, TakesTheFirstDimensionAsChannels) {
  ConditionArray condition;
  condition.field = {"view", ConditionField::Kind::tensor, 0, {2, 3}, false};
  condition.mean = {1, 100};
  condition.scale = {2, 0.3};
  for (const char* dtype : {"uint8", "float32"}) {
    condition.dtype = dtype;
    const std::uint8_t bytes[] = {0, 1, 2, 100, 101, 255};
    const float floats[] = {0, 1, 2, 100, 101, 255};
    const void* stored = condition.dtype == "uint8" ? static_cast<const void*>(bytes) : floats;
    std::vector<float> out(6);

    normalize_condition(condition, static_cast<const std::byte*>(stored), out.data());

    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_EQ(out[i], static_cast<float>((bytes[i] - condition.mean[i / 3]) / condition.scale[i / 3])) << dtype;
  }
}

}  // namespace
}  // namespace pathline::data
