#pragma once
// Mean and standard deviation per channel over a stream of samples, in float64 and one pass.
//
// Each sample is summed on its own (mean, then squared deviations from it) and merged by the parallel form of Welford's
// algorithm (Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979),
// which does not cancel as a plain sum of squares would. Images may be summed in any thread; merging them in one order
// gives the same bits always. Plain values.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pathline::data {

struct ChannelStatistics {
  std::uint64_t count = 0;            ///< values per channel
  std::vector<double> mean, squares;  ///< per channel; squares: sum of squared deviations from the mean

  /// Of one sample: `places` times `channels` values, channels last.
  static ChannelStatistics of(const float* values, std::size_t places, std::size_t channels);
  /// The same with the channels first: `channels` times `places` values.
  static ChannelStatistics of_channels_first(const float* values, std::size_t channels, std::size_t places);
  void merge(const ChannelStatistics& other);
  /// Population standard deviation of `channel`; 1 where all values are equal, for that is what divides.
  double scale(std::size_t channel) const;
};

}  // namespace pathline::data
