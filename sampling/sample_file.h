#pragma once
// Sample files (docs/formats/samples.md): written durably as HDF5 that h5py and HDFView open, and the reading of noise
// for `--initial`. No LibTorch here: tensors come and go as spans, which are borrowed for the call and never copied.
// Thread-safety: no state.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "data/pictures/image_shape.h"

namespace pathline::sampling {

using SampleAttribute = std::variant<std::string, double, std::int64_t>;

/// A picture of bytes, [height, width, channels], channels 1 (gray) or 3 (RGB).
struct PictureView {
  std::int64_t height = 0, width = 0, channels = 0;
  std::span<const std::uint8_t> pixels;
};

/// Values in the precision that the states of the solver had.
using SampleValues = std::variant<std::span<const float>, std::span<const double>>;

/// What a sample file holds; empty spans are left out of the file, `labels` and `ids` have `count` values each.
struct SampleFile {
  std::int64_t count = 0;
  data::ImageShape shape;
  std::span<const std::uint8_t> images;  ///< [N, H, W, C]
  SampleValues raw;                      ///< [N, C, H, W], as the solver left them, or fields in data units
  SampleValues initial;                  ///< [N, C, H, W], the noise at t = 0
  std::span<const std::int64_t> labels;  ///< -1 where unconditional
  std::span<const std::int64_t> ids;     ///< number of the sample in its random stream
  PictureView preview;                   ///< left out if it has no pixels
  std::vector<std::pair<std::string, SampleAttribute>> attributes;  ///< provenance, at the root; names are unique
};

/// Writes the file durably. Error(file_system) as core/durable_file.h; std::logic_error if a span's size does not fit.
void write_sample_file(const std::filesystem::path& target, const SampleFile& file);

/// How numbers in the network's scale become bytes of a picture: round(clamp(scale[c] x + mean[c], 0, 255)), halves to
/// even, not-a-number to 0.
struct ByteMapping {
  std::vector<double> mean, scale;
  std::uint8_t byte(double x, std::size_t channel) const;
};
/// For a data set of `dtype` with this normalisation. uint8: what undoes it. float32: fields have no bytes to go back
/// to; they are shown from three standard deviations below the mean (0) to three above (255), channel by channel.
ByteMapping byte_mapping(const std::string& dtype, const std::vector<double>& mean, const std::vector<double>& scale);

/// uint8 = round(clamp(scale[c] x + mean[c], 0, 255)), halves to even, not-a-number to 0; `raw` [N, C, H, W] to `out`
/// [N, H, W, C]. With mean = scale = 127.5 (every uint8 data set) that is round(clamp(127.5 x + 127.5, 0, 255)).
void to_uint8(const SampleValues& raw, const data::ImageShape& shape, std::span<const double> mean,
              std::span<const double> scale, std::span<std::uint8_t> out);

/// Undoes the normalisation of fields: value = scale[c] x + mean[c], in double precision, rounded once; in place,
/// [N, C, H, W].
void to_data_units(std::span<float> values, const data::ImageShape& shape, std::span<const double> mean,
                   std::span<const double> scale);

/// Noise read from a file: [count, C, H, W], in the precision the file has.
struct InitialNoise {
  std::int64_t count = 0;
  data::ImageShape shape;
  std::variant<std::vector<float>, std::vector<double>> values;
};

/// `place`: "FILE.h5:/dataset", of float32 or float64 values [N, C, H, W] (any HDF5 layout, no links, no external data,
/// standard filters). `expected`: the C, H, W that the model wants. Throws Error(usage) for a malformed `place`,
/// Error(file_system) for a missing file, Error(bad_input) for anything that does not fit or is not finite.
InitialNoise read_initial_noise(const std::string& place, const data::ImageShape& expected);

}  // namespace pathline::sampling
