#pragma once
// What one sample is: a picture [C, H, W], a vector [D] or a sequence [H, D] (H steps of D values). Every room passes
// it on as one value; only the ends (converters, pictures) look inside. Thread-safety: plain value.

#include <cstdint>
#include <string>
#include <vector>

namespace pathline {

enum class SampleKind { picture, vector, sequence };

class SampleShape {
 public:
  SampleShape() = default;  ///< an empty vector: nothing known yet
  /// REQUIRES positive numbers, here and below; whoever reads them from outside has checked them.
  static SampleShape picture(std::int64_t channels, std::int64_t height, std::int64_t width);
  static SampleShape vector(std::int64_t values);
  static SampleShape sequence(std::int64_t steps, std::int64_t values);

  SampleKind kind() const noexcept { return kind_; }
  /// As in a tensor of one sample: {C, H, W}, {D} or {H, D}.
  const std::vector<std::int64_t>& sizes() const noexcept { return sizes_; }
  /// As in a tensor of `batch` samples: {batch, …}.
  std::vector<std::int64_t> batch_sizes(std::int64_t batch) const;
  /// Numbers in one sample.
  std::int64_t values() const noexcept;
  /// How many means and scales a data set of such samples has: C of a picture, D otherwise.
  std::int64_t channels() const noexcept;
  /// "picture [1, 28, 28]".
  std::string describe() const;

  bool operator==(const SampleShape&) const = default;

 private:
  SampleShape(SampleKind kind, std::vector<std::int64_t> sizes) : kind_(kind), sizes_(std::move(sizes)) {}
  SampleKind kind_ = SampleKind::vector;
  std::vector<std::int64_t> sizes_;
};

/// "picture", "vector", "sequence".
const char* to_string(SampleKind kind);

}  // namespace pathline
