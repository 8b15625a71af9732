#include "flow/keyed_draws.h"

#include <span>
#include <stdexcept>

#include <ATen/ATen.h>

namespace pathline::flow {
namespace {

constexpr unsigned kBitsPerDraw = 28;  // 64 draws fill the 2^34 of a stream

}  // namespace

KeyedDraws KeyedDraws::to(at::Device device) const {
  KeyedDraws moved = *this;
  moved.device_ = device;
  return moved;
}

RandomStream KeyedDraws::stream(std::uint32_t draw, std::size_t sample) const {
  if (draw >= kDraws) throw std::out_of_range("KeyedDraws: draws are numbered from 0 to 63");
  const SampleKey& key = samples_[sample];
  RandomStream stream(seed_, Purpose::objective, key.epoch, key.sample);
  stream.seek(std::uint64_t{draw} << kBitsPerDraw);
  return stream;
}

at::Tensor KeyedDraws::uniform(std::uint32_t draw) const {
  at::Tensor values = at::empty({static_cast<std::int64_t>(samples_.size())}, at::kDouble);
  for (std::size_t i = 0; i < samples_.size(); ++i) values.data_ptr<double>()[i] = stream(draw, i).uniform();
  return values.to(device_);
}

at::Tensor KeyedDraws::normal(std::uint32_t draw, at::IntArrayRef sizes) const {
  std::vector<std::int64_t> all = {static_cast<std::int64_t>(samples_.size())};
  all.insert(all.end(), sizes.begin(), sizes.end());
  at::Tensor values = at::empty(all, at::kFloat);
  const auto each = static_cast<std::size_t>(c10::multiply_integers(sizes));
  if (each > std::size_t{1} << kBitsPerDraw) throw std::out_of_range("KeyedDraws: more than 2^28 values per sample");
  for (std::size_t i = 0; i < samples_.size(); ++i)
    stream(draw, i).fill_normal(std::span<float>(values.data_ptr<float>() + i * each, each));
  return values.to(device_);
}

}  // namespace pathline::flow
