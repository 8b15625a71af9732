#pragma once
// What a shard folder says about itself: the contents of index.json (docs/formats/shards.md). Plain values.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pathline::data {

struct ImageShape {
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t values() const noexcept { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

/// What a sample is: an image, or one row of a table (format version 2).
enum class SampleKind { image, vector };

/// Contents of index.json. Labels are 0 ... K-1 for K class names, or all -1 where class_names is empty. The network
/// sees x = (value - mean[c]) / scale[c]; for uint8 images mean = scale = 127.5. A vector of D values has the shape
/// (channels D, height 1, width 1): the same bytes as an image of one pixel, so that only names and dimensions in the
/// files differ.
struct DatasetInfo {
  std::int64_t format_version = 1;
  SampleKind kind = SampleKind::image;
  std::string name, split;
  std::uint64_t count = 0;
  ImageShape shape;
  std::string dtype;  ///< "uint8" or "float32"; vectors are float32
  std::vector<std::string> class_names;
  std::vector<double> mean, scale;  ///< one per channel
  std::size_t item_bytes() const { return dtype == "float32" ? 4 : 1; }
  std::size_t sample_bytes() const { return static_cast<std::size_t>(shape.values()) * item_bytes(); }
  /// The dataset in each shard that holds the samples, and its dimensions (HDF5's hsize_t) for `samples` of them.
  std::string samples_path() const { return kind == SampleKind::vector ? "/rows" : "/images"; }
  std::vector<unsigned long long> samples_dims(std::uint64_t samples) const {
    const auto side = [](std::int64_t extent) { return static_cast<unsigned long long>(extent); };
    if (kind == SampleKind::vector) return {samples, side(shape.channels)};
    return {samples, side(shape.height), side(shape.width), side(shape.channels)};
  }
  struct Shard {
    std::string file, sha256;
    std::uint64_t count = 0, bytes = 0;
    std::uint64_t labels_xxh3 = 0, checksums_xxh3 = 0;  ///< of the bytes of /labels and of /checksums
  };
  std::vector<Shard> shards;
};

}  // namespace pathline::data
