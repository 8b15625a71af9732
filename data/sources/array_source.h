#pragma once
// What the sources of arrays share (IDX, CIFAR, npy, HDF5): samples of one shape and one number type, one after
// another, that become images or vectors.
//
// - uint8 stays uint8, and can be cropped, resized and recoloured as pictures are (1 or 3 channels).
// - float16, float32 and float64 become float32, value by value: scientific fields with any number of channels. NaN,
//   infinities, and values beyond float32 are a BadSample with their position.
// - With a range, floats are pictures: [low, high] becomes 0 … 255, rounded; a value outside is a BadSample.
// - Samples of one dimension are vectors (float32 only).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/pictures/picture.h"
#include "data/sources/number_type.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

/// How one sample lies in the input: [H, W, C] or [C, H, W]; automatic: nhwc, unless that cannot be meant.
enum class Layout { automatic, nhwc, nchw };

struct ValueRange {
  double low = 0, high = 1;
};

struct ArrayOptions {
  PictureOptions picture;
  std::optional<ValueRange> range;
  Layout layout = Layout::automatic;
};

class ArraySource : public SampleSource {
 public:
  const SourceFacts& facts() const override { return facts_; }
  std::string sample_name(std::uint64_t number) const override;
  void fetch(std::uint64_t number, std::vector<std::byte>& raw) override;
  void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const override;

 protected:
  /// `place`: what errors and sample names call the array.
  ArraySource(const ArrayOptions& options, std::string place);
  /// To be called by the constructor of the heir. `type`: uint8 or a float. `dims`: of the whole array, [N, H, W], [N,
  /// H, W, C], [N, C, H, W] or [N, D]. Error(bad_input) or Error(usage) if the options do not fit.
  void begin(NumberType type, const std::vector<std::uint64_t>& dims, const std::string& name, std::string fingerprint);
  /// Labels of all samples and, if known, names; without names they are "0" … Error(bad_input) if they do not fit.
  void set_labels(std::vector<std::int64_t> labels, std::vector<std::string> names, const std::string& labels_place);
  std::size_t sample_bytes() const noexcept { return sample_bytes_; }
  /// The values of sample `number` as they lie in the input. Numbers ascend.
  virtual void read_values(std::uint64_t number, void* out) = 0;

 private:
  void decode_bytes(std::span<const std::byte> raw, Sample& out) const;
  void decode_floats(std::span<const std::byte> raw, Sample& out) const;

  ArrayOptions options_;
  std::string place_;
  SourceFacts facts_;
  NumberType type_ = NumberType::uint8;
  SampleShape shape_;          // of the input
  ImageShape input_, output_;  // where pictures are changed: before and after
  bool channels_first_ = false;
  std::size_t sample_bytes_ = 0;
  std::vector<std::int64_t> labels_;
};

}  // namespace pathline::data
