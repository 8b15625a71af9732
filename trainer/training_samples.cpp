#include "trainer/training_samples.h"

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

at::Tensor make_pictures(const data::Batch& batch, const data::DatasetInfo& info, const PictureSettings& settings) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  const data::ImageShape shape = data::image_shape(info.shape, info.name);
  at::Tensor pictures = at::empty({count, shape.channels, shape.height, shape.width}, at::kFloat);
  float* images = pictures.mutable_data_ptr<float>();
  const std::size_t stored_bytes = batch.values.size() / batch.samples.size();
  const data::Normalizer normalize(info);
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    data::Buffer<float> stored(static_cast<std::size_t>(shape.values()));  // [H, W, C]
    std::vector<std::int64_t> rows, columns;
    for (std::int64_t i = first; i < last; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto [position, epoch, id] = batch.samples[at];
      const auto stream = [&, epoch = epoch, id = id](Purpose purpose) {
        return RandomStream(settings.seed, purpose, epoch, id);
      };
      const bool mirror = settings.flip && (stream(Purpose::flip).bits32() & 1) != 0;
      RandomStream crop = stream(Purpose::crop);
      const std::int64_t down = settings.crop_padding > 0 ? shift_of(crop.bits32(), settings.crop_padding) : 0;
      const std::int64_t right = settings.crop_padding > 0 ? shift_of(crop.bits32(), settings.crop_padding) : 0;
      fill_axis(rows, shape.height, down, false);
      fill_axis(columns, shape.width, right, mirror);
      normalize(batch.values.data() + at * stored_bytes, stored.data());
      float* out = images + i * shape.values();
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        for (const std::int64_t y : rows) {
          const float* row = stored.data() + y * shape.width * shape.channels + c;
          for (const std::int64_t x : columns) *out++ = row[x * shape.channels];
        }
      }
    }
  });
  return pictures;
}

/// Vectors and sequences: scaled, and nothing else.
at::Tensor make_rows(const data::Batch& batch, const data::DatasetInfo& info) {
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  at::Tensor rows = at::empty(info.shape.batch_sizes(count), at::kFloat);
  float* out = rows.mutable_data_ptr<float>();
  const std::size_t stored_bytes = batch.values.size() / batch.samples.size();
  const data::Normalizer normalize(info);
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      normalize(batch.values.data() + static_cast<std::size_t>(i) * stored_bytes, out + i * info.shape.values());
  });
  return rows;
}

}  // namespace

at::Tensor make_training_samples(const data::Batch& batch, const data::DatasetInfo& info,
                                 const PictureSettings& settings) {
  return info.shape.kind() == SampleKind::picture ? make_pictures(batch, info, settings) : make_rows(batch, info);
}

}  // namespace pathline
