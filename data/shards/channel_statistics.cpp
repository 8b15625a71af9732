#include "data/shards/channel_statistics.h"

#include <cmath>

namespace pathline::data {

ChannelStatistics ChannelStatistics::of(const float* values, std::size_t places, std::size_t channels) {
  ChannelStatistics result;
  result.count = places;
  result.mean.assign(channels, 0.0);
  result.squares.assign(channels, 0.0);
  for (std::size_t p = 0; p < places; ++p) {
    for (std::size_t c = 0; c < channels; ++c) result.mean[c] += values[p * channels + c];
  }
  for (double& mean : result.mean) mean /= static_cast<double>(places);
  for (std::size_t p = 0; p < places; ++p) {
    for (std::size_t c = 0; c < channels; ++c) {
      const double deviation = values[p * channels + c] - result.mean[c];
      result.squares[c] += deviation * deviation;
    }
  }
  return result;
}

ChannelStatistics ChannelStatistics::of_channels_first(const float* values, std::size_t channels, std::size_t places) {
  ChannelStatistics result;
  result.count = places;
  for (std::size_t c = 0; c < channels; ++c) {
    const ChannelStatistics one = of(values + c * places, places, 1);
    result.mean.push_back(one.mean[0]);
    result.squares.push_back(one.squares[0]);
  }
  return result;
}

void ChannelStatistics::merge(const ChannelStatistics& other) {
  if (other.count == 0) return;
  if (count == 0) {
    *this = other;
    return;
  }
  const auto here = static_cast<double>(count), there = static_cast<double>(other.count), all = here + there;
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double delta = other.mean[c] - mean[c];
    mean[c] += delta * (there / all);
    squares[c] += other.squares[c] + delta * delta * (here * there / all);
  }
  count += other.count;
}

double ChannelStatistics::scale(std::size_t channel) const {
  const double deviation = std::sqrt(squares[channel] / static_cast<double>(count));
  return deviation > 0 ? deviation : 1.0;
}

}  // namespace pathline::data
