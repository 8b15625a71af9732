#include "trainer/training_batch.h"

#include <cstring>
#include <span>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/random.h"

namespace pathline {
namespace {

/// [H, W, C] as stored -> [C, H, W] as the network sees it.
template <typename T>
void scale_image(const std::byte* stored, const data::DatasetInfo& info, bool mirror, float* out) {
  const data::ImageShape& shape = info.shape;
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    const double mean = info.mean[static_cast<std::size_t>(c)], scale = info.scale[static_cast<std::size_t>(c)];
    for (std::int64_t y = 0; y < shape.height; ++y) {
      for (std::int64_t x = 0; x < shape.width; ++x) {
        const std::int64_t from = mirror ? shape.width - 1 - x : x;
        T value;
        std::memcpy(&value,
                    stored + static_cast<std::size_t>((y * shape.width + from) * shape.channels + c) * sizeof(T),
                    sizeof(T));
        *out++ = static_cast<float>((static_cast<double>(value) - mean) / scale);
      }
    }
  }
}

}  // namespace

TrainingBatch make_training_batch(const data::Batch& batch, const data::DatasetInfo& info,
                                  const BatchSettings& settings) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  const data::ImageShape& shape = info.shape;
  TrainingBatch result;
  result.images = at::empty({count, shape.channels, shape.height, shape.width}, at::kFloat);
  result.noise = at::empty_like(result.images);
  result.times = at::empty({count}, at::kFloat);
  if (settings.classes > 0) result.labels = at::empty({count}, at::kLong);

  float* images = result.images.mutable_data_ptr<float>();
  float* noise = result.noise.mutable_data_ptr<float>();
  float* times = result.times.mutable_data_ptr<float>();
  std::int64_t* labels = settings.classes > 0 ? result.labels.mutable_data_ptr<std::int64_t>() : nullptr;
  const std::size_t stored_bytes = batch.images.size() / batch.samples.size();
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto [position, epoch, id] = batch.samples[at];
      const auto stream = [&, epoch = epoch, id = id](Purpose purpose) {
        return RandomStream(settings.seed, purpose, epoch, id);
      };
      const bool mirror = settings.flip && (stream(Purpose::flip).bits32() & 1) != 0;
      const std::byte* stored = batch.images.data() + at * stored_bytes;
      if (info.dtype == "uint8") {
        scale_image<std::uint8_t>(stored, info, mirror, images + i * shape.values());
      } else {
        scale_image<float>(stored, info, mirror, images + i * shape.values());
      }
      stream(Purpose::noise)
          .fill_normal(std::span<float>(noise + i * shape.values(), static_cast<std::size_t>(shape.values())));
      times[i] = static_cast<float>(settings.time_law.time(stream(Purpose::time).uniform()));
      if (labels != nullptr) {
        const bool drop = settings.label_drop > 0 && stream(Purpose::label_drop).uniform() < settings.label_drop;
        labels[i] = drop ? settings.classes : batch.labels[at];
      }
    }
  });
  return result;
}

}  // namespace pathline
