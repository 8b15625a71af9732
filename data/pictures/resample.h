#pragma once
// Resizes 8-bit images by rows: separable, in float32, rounded once at the end. No gamma: the stored numbers are
// averaged as they are.
//
// Convention: pixel i covers [i, i + 1); output pixel o covers [o·s, (o + 1)·s) with s = input extent / output extent.
// area: the mean over that interval, pixels at its ends in proportion (shrinking averages, enlarging repeats).
// lanczos: L(x) = sinc(x)·sinc(x/3) for |x| < 3, x = (i + 1/2 − (o + 1/2)·s) / max(s, 1); pixels beyond the border are
// left out and the weights normalised to sum 1. Pillow's LANCZOS is the same but rounds and clips between its two
// passes; its BOX takes pixels whole where area takes parts of them.
//
// One object resizes one image, in one thread.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pathline::data {

struct Extent {
  std::int64_t width = 0, height = 0;
  bool operator==(const Extent&) const = default;
};

enum class ResizeFilter { area, lanczos };

/// The input pixels that one output pixel is made of: weights[0 …] belong to pixels first, first + 1, …
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};
/// One per output pixel; `first` never descends.
std::vector<Taps> resize_taps(std::int64_t from, std::int64_t to, ResizeFilter filter);

class Resampler {
 public:
  /// Writes [to.height, to.width, channels] at `result`, which must outlive the object.
  Resampler(Extent from, Extent to, int channels, ResizeFilter filter, std::uint8_t* result);
  /// The rows of the input from the top; the last one completes the result.
  void add_row(const std::uint8_t* row);

 private:
  void finish_row(std::int64_t out);

  Extent from_, to_;
  std::size_t channels_;
  std::vector<Taps> across_, down_;
  std::uint8_t* result_;
  std::int64_t y_ = 0, first_open_ = 0;
  std::vector<std::vector<float>> sums_;  // of output rows first_open_ …, [from.width, channels] each
  std::vector<std::vector<float>> spare_;
};

}  // namespace pathline::data
