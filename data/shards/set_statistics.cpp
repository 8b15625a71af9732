#include "data/shards/set_statistics.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/parallel_work.h"
#include "data/shards/buffer.h"
#include "data/shards/channel_statistics.h"

namespace pathline::data {

namespace {

/// Of consecutive samples.
struct Part {
  ChannelStatistics statistics;
  std::vector<float> smallest, largest;
};

Part look_at(const ShardSet& set, std::uint64_t first, std::uint64_t end) {
  const DatasetInfo& info = set.info();
  const auto channels = static_cast<std::size_t>(info.shape.channels());
  const std::size_t places = info.places(), values = places * channels;
  Part part;
  part.smallest.assign(channels, std::numeric_limits<float>::infinity());
  part.largest.assign(channels, -std::numeric_limits<float>::infinity());
  Buffer<std::byte> stored(info.sample_bytes());
  Buffer<float> widened(values);
  for (std::uint64_t id = first; id < end; ++id) {
    const std::byte* sample = set.sample(id, stored.data());
    const float* numbers = reinterpret_cast<const float*>(sample);
    if (info.dtype == "uint8") {
      std::transform(sample, sample + values, widened.data(),
                     [](std::byte value) { return static_cast<float>(std::to_integer<int>(value)); });
      numbers = widened.data();
    }
    part.statistics.merge(ChannelStatistics::of(numbers, places, channels));
    for (std::size_t p = 0; p < places; ++p) {
      for (std::size_t c = 0; c < channels; ++c) {
        part.smallest[c] = std::min(part.smallest[c], numbers[p * channels + c]);
        part.largest[c] = std::max(part.largest[c], numbers[p * channels + c]);
      }
    }
  }
  return part;
}

}  // namespace

SetStatistics set_statistics(const ShardSet& set, const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                             int threads) {
  // Pieces depend on the set alone, and are merged in their order: so do the bits of the sums.
  const std::uint64_t per_piece = std::max<std::uint64_t>(1, (std::uint64_t{4} << 20) / set.sample_bytes());
  std::vector<Part> parts((set.size() + per_piece - 1) / per_piece);
  std::atomic<std::uint64_t> done{0};
  work_in_parallel(
      parts.size(), threads,
      [&](std::uint64_t i) {
        const std::uint64_t first = i * per_piece, end = std::min(first + per_piece, set.size());
        parts[i] = look_at(set, first, end);
        done += end - first;
      },
      [&] {
        if (progress) progress(done, set.size());
      });

  SetStatistics result;
  ChannelStatistics all;
  for (const Part& part : parts) all.merge(part.statistics);
  for (std::size_t c = 0; c < static_cast<std::size_t>(set.info().shape.channels()); ++c) {
    double smallest = parts[0].smallest[c], largest = parts[0].largest[c];
    for (const Part& part : parts) {
      smallest = std::min<double>(smallest, part.smallest[c]);
      largest = std::max<double>(largest, part.largest[c]);
    }
    result.mean.push_back(all.mean[c]);
    result.deviation.push_back(std::sqrt(all.squares[c] / static_cast<double>(all.count)));
    result.smallest.push_back(smallest);
    result.largest.push_back(largest);
  }
  return result;
}

}  // namespace pathline::data
