// The conversions of compressed gradients that LibTorch makes, against the reference of bfloat16.h. On the CPU: there
// is no GPU.

#include "trainer/parallel/nccl/torch_device_hooks.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.h"
#include "trainer/parallel/engine/bfloat16.h"

namespace pathline::parallel {
namespace {

std::vector<float> awkward_values(std::size_t count) {
  RandomStream stream(5, Purpose::noise, 0, 0);
  std::vector<float> values(count);
  stream.fill_normal(std::span<float>(values));
  const std::vector<float> edges = {0.0F,
                                    -0.0F,
                                    std::numeric_limits<float>::infinity(),
                                    -std::numeric_limits<float>::infinity(),
                                    std::numeric_limits<float>::max(),  // rounds to infinity
                                    std::numeric_limits<float>::denorm_min(),
                                    std::bit_cast<float>(0x3F808000U),   // ties, to even: down
                                    std::bit_cast<float>(0x3F818000U)};  // up
  std::copy(edges.begin(), edges.end(), values.begin());
  return values;
}

TEST(WireConversion, RoundsAndWidensAsTheReference) {
  const std::vector<float> values = awkward_values(1000);
  WireConversion conversion(c10::kCPU);

  const std::uint16_t* const halves = conversion.round_to_bfloat16(values);
  std::vector<float> back(values.size());
  conversion.widen(halves, back);

  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(halves[i], to_bfloat16(values[i])) << values[i];
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(from_bfloat16(halves[i])));
  }
}

TEST(WireConversion, KeepsNaN) {
  const std::vector<float> values = {std::nanf(""), std::bit_cast<float>(0x7F800001U)};
  WireConversion conversion(c10::kCPU);

  std::vector<float> back(values.size());
  conversion.widen(conversion.round_to_bfloat16(values), back);

  for (const float value : back) EXPECT_TRUE(std::isnan(value));
}

TEST(WireConversion, ServesBucketsOfAnySizeFromOneBuffer) {
  WireConversion conversion(c10::kCPU);
  const std::uint16_t* largest = nullptr;

  for (const std::size_t count : {100U, 5000U, 1U, 4999U}) {
    const std::vector<float> values = awkward_values(std::max<std::size_t>(count, 8));
    const auto used = std::span<const float>(values).first(count);
    const std::uint16_t* const halves = conversion.round_to_bfloat16(used);
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(halves[i], to_bfloat16(used[i]));
    if (count == 5000U) largest = halves;
    if (largest != nullptr) {
      EXPECT_EQ(halves, largest);
    }
  }
}

}  // namespace
}  // namespace pathline::parallel
