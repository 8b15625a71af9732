#include "data/shards/normalizer.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "data/read/kernels/sample_kernels.h"

namespace pathline::data {

Normalizer::Normalizer(const DatasetInfo& info)
    : places_(info.places()),
      channels_(static_cast<std::size_t>(info.shape.channels())),
      bytes_(info.dtype == "uint8"),
      mean_(info.mean),
      scale_(info.scale) {
  if (!bytes_) return;
  for (std::size_t c = 0; c < channels_; ++c) {
    for (int value = 0; value < 256; ++value) tables_.push_back(static_cast<float>((value - mean_[c]) / scale_[c]));
  }
  std::vector<std::uint8_t> all(256);
  std::iota(all.begin(), all.end(), std::uint8_t{0});
  std::vector<float> quick(256);
  kernels::sample_kernels().bytes_to_floats(all.data(), all.size(), static_cast<float>(mean_[0]),
                                            static_cast<float>(scale_[0]), quick.data());
  uniform_ = true;
  for (std::size_t c = 0; c < channels_; ++c)
    uniform_ =
        uniform_ && std::equal(quick.begin(), quick.end(), tables_.begin() + static_cast<std::ptrdiff_t>(c * 256));
}

void Normalizer::operator()(const std::byte* stored, float* out) const {
  const kernels::SampleKernels& kernels = kernels::sample_kernels();
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(stored);
  if (uniform_) {
    kernels.bytes_to_floats(bytes, places_ * channels_, static_cast<float>(mean_[0]), static_cast<float>(scale_[0]),
                            out);
  } else if (bytes_) {
    kernels.bytes_through_tables(bytes, places_, channels_, tables_.data(), out);
  } else {
    // Aligned: samples of 4-byte values lie at multiples of 4 in buffers from new and in caches.
    kernels.floats_to_floats(reinterpret_cast<const float*>(stored), places_, channels_, mean_.data(), scale_.data(),
                             out);
  }
}

void normalize_condition(const ConditionArray& condition, const std::byte* stored, float* out) {
  const std::size_t channels = condition.mean.size(), places = condition.values() / channels;
  for (std::size_t k = 0; k < channels; ++k) {
    for (std::size_t i = k * places; i < (k + 1) * places; ++i) {
      double value = 0;
      if (condition.dtype == "uint8") {
        value = std::to_integer<int>(stored[i]);
      } else {
        float number;
        std::memcpy(&number, stored + i * sizeof number, sizeof number);
        value = number;
      }
      out[i] = static_cast<float>((value - condition.mean[k]) / condition.scale[k]);
    }
  }
}

}  // namespace pathline::data
