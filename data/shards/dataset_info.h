#pragma once
// What a shard folder says about itself: the contents of index.json (docs/formats/shards.md). Plain values.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/condition_spec.h"
#include "core/sample_shape.h"

namespace pathline::data {

/// What samples may be conditioned on beside their label: an array with a value per sample, /conditions/NAME of each
/// shard. A value is stored row-major, as the network gets it; the network sees (value - mean[k]) / scale[k], k being
/// the place along the value's first dimension (the channel, if it is [C, H, W]); uint8: mean = scale = 127.5.
struct ConditionArray {
  ConditionField field;                  ///< has_null means nothing here: it is for a network to say
  std::string dtype;                     ///< of labels "int64", vectors "float32", tensors "float32" or "uint8"
  std::vector<std::string> class_names;  ///< of a label: one per class, or none
  std::vector<double> mean, scale;       ///< of vectors and tensors: field.sizes[0] numbers each

  bool is_label() const noexcept { return field.kind == ConditionField::Kind::label; }
  /// Numbers in one value; 1 of a label.
  std::size_t values() const;
  std::size_t value_bytes() const;
  /// The dataset in each shard, and its dimensions for `samples` of them.
  std::string path() const { return "/conditions/" + field.name; }
  std::vector<unsigned long long> dims(std::uint64_t samples) const;

  bool operator==(const ConditionArray&) const = default;
};

/// Values of conditions for one sample, as they are stored: one per array, in the order of DatasetInfo::conditions.
using ConditionValues = std::vector<std::vector<std::byte>>;

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
  std::vector<ConditionArray> conditions;

  std::size_t item_bytes() const { return dtype == "float32" ? 4 : 1; }
  std::size_t sample_bytes() const { return static_cast<std::size_t>(shape.values()) * item_bytes(); }
  /// Pixels of a picture, steps of a sequence, 1 of a vector.
  std::size_t places() const { return static_cast<std::size_t>(shape.values() / shape.channels()); }
  /// The dataset in each shard that holds the samples, and its dimensions (HDF5's hsize_t) for `samples` of them.
  std::string samples_path() const;
  std::vector<unsigned long long> samples_dims(std::uint64_t samples) const;

  /// Bytes of a sample and its conditions.
  std::size_t stored_bytes() const;
  /// What a batch carries beside the samples: the label, called "label", if there are classes, then the conditions.
  std::vector<ConditionArray> all_conditions() const;
  /// The same as a network is told it.
  ConditionSpec condition_spec() const;

  struct Shard {
    std::string file, sha256;
    std::uint64_t count = 0, bytes = 0;
    std::uint64_t labels_xxh3 = 0, checksums_xxh3 = 0;  ///< of the bytes of /labels and of /checksums
    std::uint64_t condition_checksums_xxh3 = 0;         ///< of /condition_checksums; 0 without conditions
  };
  std::vector<Shard> shards;
};

/// "images", "rows", "sequences": what samples of a kind are called, and the dataset that holds them.
const char* samples_noun(SampleKind kind);

}  // namespace pathline::data
