#pragma once
// What a shard folder says about itself: the contents of index.json (docs/formats/shards.md). Plain values.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/sample_shape.h"

namespace pathline::data {

/// Contents of index.json. Labels are 0 ... K-1 for K class names, or all -1 where class_names is empty. The network
/// sees x = (value - mean[c]) / scale[c]; for uint8 images mean = scale = 127.5.
///
/// The bytes of a sample are its values with the channels last: [H, W, C] of a picture, [D] of a vector, [H, D] of a
/// sequence. So whatever the shape, they are places() times shape.channels() values.
struct DatasetInfo {
  std::int64_t format_version = 1;
  std::string name, split;
  std::uint64_t count = 0;
  SampleShape shape;
  std::string dtype;  ///< "uint8" or "float32"; vectors and sequences are float32
  std::vector<std::string> class_names;
  std::vector<double> mean, scale;  ///< one per channel

  std::size_t item_bytes() const { return dtype == "float32" ? 4 : 1; }
  std::size_t sample_bytes() const { return static_cast<std::size_t>(shape.values()) * item_bytes(); }
  /// Pixels of a picture, steps of a sequence, 1 of a vector.
  std::size_t places() const { return static_cast<std::size_t>(shape.values() / shape.channels()); }
  /// The dataset in each shard that holds the samples, and its dimensions (HDF5's hsize_t) for `samples` of them.
  std::string samples_path() const;
  std::vector<unsigned long long> samples_dims(std::uint64_t samples) const;

  struct Shard {
    std::string file, sha256;
    std::uint64_t count = 0, bytes = 0;
    std::uint64_t labels_xxh3 = 0, checksums_xxh3 = 0;  ///< of the bytes of /labels and of /checksums
  };
  std::vector<Shard> shards;
};

/// "images", "rows", "sequences": what samples of a kind are called, and the dataset that holds them.
const char* samples_noun(SampleKind kind);

}  // namespace pathline::data
