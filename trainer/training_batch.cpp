#include "trainer/training_batch.h"

#include <span>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "core/random.h"
#include "data/pictures/image_shape.h"
#include "data/shards/buffer.h"
#include "data/shards/normalizer.h"

namespace pathline {
namespace {

/// Which pixel of an axis of `size` lands where, after mirroring (`flipped`) and a shift over the mirrored
/// continuation.
void fill_axis(std::vector<std::int64_t>& from, std::int64_t size, std::int64_t shift, bool flipped) {
  from.resize(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) {
    std::int64_t at = i + shift;
    if (at < 0) at = -at;
    if (at >= size) at = 2 * (size - 1) - at;
    from[static_cast<std::size_t>(i)] = flipped ? size - 1 - at : at;
  }
}

/// A whole number from -padding to padding, from one draw.
std::int64_t shift_of(std::uint32_t draw, std::int64_t padding) {
  return static_cast<std::int64_t>(draw * static_cast<std::uint64_t>(2 * padding + 1) >> 32) - padding;
}

}  // namespace

TrainingBatch make_training_batch(const data::Batch& batch, const data::DatasetInfo& info,
                                  const BatchSettings& settings) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  const bool picture = info.shape.kind() == SampleKind::picture;
  const data::ImageShape image = picture ? data::image_shape(info.shape, info.name) : data::ImageShape();
  TrainingBatch result;
  result.images = at::empty(info.shape.batch_sizes(count), at::kFloat);
  result.noise = at::empty_like(result.images);
  result.times = at::empty({count}, at::kFloat);
  if (settings.classes > 0) result.labels = at::empty({count}, at::kLong);

  float* images = result.images.mutable_data_ptr<float>();
  float* noise = result.noise.mutable_data_ptr<float>();
  float* times = result.times.mutable_data_ptr<float>();
  std::int64_t* labels = settings.classes > 0 ? result.labels.mutable_data_ptr<std::int64_t>() : nullptr;
  const std::int64_t* stored_labels = nullptr;  // the first condition of a set with classes
  if (labels != nullptr) stored_labels = reinterpret_cast<const std::int64_t*>(batch.conditions.at(0).data());
  const std::int64_t values = info.shape.values();
  const std::size_t stored_bytes = batch.values.size() / batch.samples.size();
  const data::Normalizer normalize(info);
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    data::Buffer<float> stored(static_cast<std::size_t>(picture ? values : 0));  // [H, W, C]
    std::vector<std::int64_t> rows, columns;
    for (std::int64_t i = first; i < last; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto [position, epoch, id] = batch.samples[at];
      const auto stream = [&, epoch = epoch, id = id](Purpose purpose) {
        return RandomStream(settings.seed, purpose, epoch, id);
      };
      const std::byte* sample = batch.values.data() + at * stored_bytes;
      float* out = images + i * values;
      if (!picture) {
        normalize(sample, out);
      } else {
        const bool mirror = settings.flip && (stream(Purpose::flip).bits32() & 1) != 0;
        RandomStream crop = stream(Purpose::crop);
        const std::int64_t down = settings.crop_padding > 0 ? shift_of(crop.bits32(), settings.crop_padding) : 0;
        const std::int64_t right = settings.crop_padding > 0 ? shift_of(crop.bits32(), settings.crop_padding) : 0;
        fill_axis(rows, image.height, down, false);
        fill_axis(columns, image.width, right, mirror);
        normalize(sample, stored.data());
        for (std::int64_t c = 0; c < image.channels; ++c) {
          for (const std::int64_t y : rows) {
            const float* row = stored.data() + y * image.width * image.channels + c;
            for (const std::int64_t x : columns) *out++ = row[x * image.channels];
          }
        }
      }
      stream(Purpose::noise).fill_normal(std::span<float>(noise + i * values, static_cast<std::size_t>(values)));
      times[i] = static_cast<float>(settings.time_law.time(stream(Purpose::time).uniform()));
      if (labels != nullptr) {
        const bool drop = settings.label_drop > 0 && stream(Purpose::label_drop).uniform() < settings.label_drop;
        labels[i] = drop ? settings.classes : stored_labels[at];
      }
    }
  });
  return result;
}

}  // namespace pathline
