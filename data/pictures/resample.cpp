#include "data/pictures/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pathline::data {

namespace {

constexpr double lanczos_lobes = 3;

double lanczos(double x) {
  x = std::abs(x);
  if (x >= lanczos_lobes) return 0;
  if (x < 1e-9) return 1;
  const double a = std::numbers::pi * x;
  return std::sin(a) * std::sin(a / lanczos_lobes) / (a * a / lanczos_lobes);
}

void add_scaled(float* sums, const std::uint8_t* row, float weight, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sums[i] += weight * static_cast<float>(row[i]);
}

}  // namespace

std::vector<Taps> resize_taps(std::int64_t from, std::int64_t to, ResizeFilter filter) {
  const double step = static_cast<double>(from) / static_cast<double>(to), stretch = std::max(step, 1.0);
  std::vector<Taps> all(static_cast<std::size_t>(to));
  std::vector<double> weights;
  for (std::int64_t o = 0; o < to; ++o) {
    const double begin = static_cast<double>(o) * step, end = static_cast<double>(o + 1) * step;
    const double centre = (static_cast<double>(o) + 0.5) * step, reach = lanczos_lobes * stretch;
    const bool area = filter == ResizeFilter::area;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(area ? begin : centre - reach)));
    const auto last = std::min<std::int64_t>(from, static_cast<std::int64_t>(std::ceil(area ? end : centre + reach)));
    weights.clear();
    double sum = 0;
    for (std::int64_t i = first; i < last; ++i) {
      const auto at = static_cast<double>(i);
      weights.push_back(area ? std::max(0.0, std::min(end, at + 1) - std::max(begin, at))
                             : lanczos((at + 0.5 - centre) / stretch));
      sum += weights.back();
    }
    // Weights that rounding alone has made, at the ends of an interval that meets a pixel border, would cost a row
    // each. (The zeros of lanczos stay: without them `first` would not ascend from one output pixel to the next.)
    const auto negligible = [&](double weight) { return area && std::abs(weight) < 1e-9 * sum; };
    std::size_t begin_at = 0, end_at = weights.size();
    while (end_at > begin_at + 1 && negligible(weights[end_at - 1])) --end_at;
    while (begin_at + 1 < end_at && negligible(weights[begin_at])) ++begin_at;
    Taps& taps = all[static_cast<std::size_t>(o)];
    taps.first = first + static_cast<std::int64_t>(begin_at);
    for (std::size_t i = begin_at; i < end_at; ++i) taps.weights.push_back(static_cast<float>(weights[i] / sum));
  }
  return all;
}

Resampler::Resampler(Extent from, Extent to, int channels, ResizeFilter filter, std::uint8_t* result)
    : from_(from),
      to_(to),
      channels_(static_cast<std::size_t>(channels)),
      across_(resize_taps(from.width, to.width, filter)),
      down_(resize_taps(from.height, to.height, filter)),
      result_(result) {}

void Resampler::add_row(const std::uint8_t* row) {
  // Vertically first: a row is added to the sums of the few output rows it is part of, in one sweep each.
  const std::size_t values = static_cast<std::size_t>(from_.width) * channels_;
  for (std::int64_t out = first_open_; out < to_.height; ++out) {
    const Taps& taps = down_[static_cast<std::size_t>(out)];
    if (taps.first > y_) break;
    const auto slot = static_cast<std::size_t>(out - first_open_);
    if (slot == sums_.size()) {
      if (spare_.empty()) spare_.emplace_back(values);
      sums_.push_back(std::move(spare_.back()));
      spare_.pop_back();
      std::fill(sums_.back().begin(), sums_.back().end(), 0.0f);
    }
    const auto tap = static_cast<std::size_t>(y_ - taps.first);
    if (tap < taps.weights.size()) add_scaled(sums_[slot].data(), row, taps.weights[tap], values);
  }
  ++y_;
  while (first_open_ < to_.height && !sums_.empty()) {
    const Taps& taps = down_[static_cast<std::size_t>(first_open_)];
    if (taps.first + static_cast<std::int64_t>(taps.weights.size()) > y_) break;
    finish_row(first_open_++);
    spare_.push_back(std::move(sums_.front()));
    sums_.erase(sums_.begin());
  }
}

void Resampler::finish_row(std::int64_t out) {
  const float* sums = sums_.front().data();
  std::uint8_t* to = result_ + static_cast<std::size_t>(out * to_.width) * channels_;
  for (const Taps& taps : across_) {
    const float* from = sums + static_cast<std::size_t>(taps.first) * channels_;
    for (std::size_t c = 0; c < channels_; ++c) {
      float value = 0;
      for (std::size_t i = 0; i < taps.weights.size(); ++i) value += taps.weights[i] * from[i * channels_ + c];
      // Rounds the one float below a half up, too, which costs a picture nothing and lround() would cost the time.
      // NOLINTNEXTLINE(bugprone-incorrect-roundings)
      *to++ = static_cast<std::uint8_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f);
    }
  }
}

}  // namespace pathline::data
