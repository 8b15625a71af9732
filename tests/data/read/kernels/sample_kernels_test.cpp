#include "data/read/kernels/sample_kernels.h"

#include <cstring>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "core/hash.h"
#include "data/shards/buffer.h"
#include "data/shards/normalizer.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

/// Every variant that this processor can run.
std::vector<const kernels::SampleKernels*> variants() {
  std::size_t count = 0;
  const kernels::SampleKernels* const* all = kernels::runnable_sample_kernels(count);
  return {all, all + count};
}

std::vector<std::uint8_t> some_bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(i * 131 + i / 256);
  return bytes;
}

TEST(SampleKernels, HashAsTheLibraryDoes) {
  const std::vector<std::uint8_t> bytes = some_bytes(5000);
  for (const auto* kernels : variants()) {
    for (std::size_t length = 0; length < 600; ++length)
      ASSERT_EQ(kernels->xxh3(bytes.data() + 3, length), xxh3_64(bytes.data() + 3, length)) << kernels->name << length;
    EXPECT_EQ(kernels->xxh3(bytes.data(), 5000), xxh3_64(bytes.data(), 5000)) << kernels->name;
  }
}

TEST(SampleKernels, ConvertBytesAsOneDivisionPerValue) {
  // Small and, to pass by the cache, large outputs; lengths that no vector divides.
  for (const std::size_t count : {std::size_t{1}, std::size_t{77}, std::size_t{70001}}) {
    const std::vector<std::uint8_t> bytes = some_bytes(count);
    for (const auto* kernels : variants()) {
      Buffer<float> out(count);
      kernels->bytes_to_floats(bytes.data(), count, 127.5f, 127.5f, out.data());

      for (std::size_t i = 0; i < count; ++i)
        ASSERT_EQ(out[i], static_cast<float>((bytes[i] - 127.5) / 127.5)) << kernels->name << " " << i;
    }
  }
}

TEST(SampleKernels, ConvertFloatsInDoublePrecision) {
  const std::vector<float> values = {1e10f, 3.f, -7.5f, 0.1f, 1e-20f, 8388609.f};
  for (const std::size_t channels : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    const double mean[] = {0.1, -3e9, 1e-3}, scale[] = {3.0, 0.7, 1e9};
    for (const auto* kernels : variants()) {
      std::vector<float> out(values.size());
      kernels->floats_to_floats(values.data(), values.size() / channels, channels, mean, scale, out.data());

      for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t c = i % channels;
        EXPECT_EQ(out[i], static_cast<float>((static_cast<double>(values[i]) - mean[c]) / scale[c])) << kernels->name;
      }
    }
  }
}

}  // namespace
}  // namespace pathline::data
