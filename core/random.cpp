#include "core/random.h"

#include <stdexcept>
#include <string>

#include <Random123/philox.h>

#include "core/box_muller.h"
#include "core/error.h"

namespace pathline {
namespace {

constexpr std::uint64_t kBlocks = std::uint64_t{1} << 32;
constexpr std::uint64_t kEpochs = std::uint64_t{1} << 24;

using Block = std::array<std::uint32_t, 4>;

inline Block philox(std::uint32_t block, const std::array<std::uint32_t, 3>& place,
                    const std::array<std::uint32_t, 2>& key) {
  const philox4x32_ctr_t counter = {{block, place[0], place[1], place[2]}};
  const philox4x32_key_t keys = {{key[0], key[1]}};
  const philox4x32_ctr_t out = philox4x32_R(10, counter, keys);
  return {out.v[0], out.v[1], out.v[2], out.v[3]};
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint64_t epoch, std::uint64_t sample)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      place_{static_cast<std::uint32_t>(purpose) << 24 | static_cast<std::uint32_t>(epoch),
             static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(sample >> 32)} {
  if (epoch >= kEpochs) {
    throw Error(ExitCode::usage, "random numbers exist for epochs 0 to 16777215 only, found " + std::to_string(epoch),
                "epoch", "train for fewer passes over the data, or start again with another seed");
  }
}

std::array<std::uint32_t, 4> RandomStream::next_block() {
  if (block_number_ >= kBlocks) throw std::out_of_range("RandomStream: all 2^34 draws are used");
  return philox(static_cast<std::uint32_t>(block_number_++), place_, key_);
}

std::uint32_t RandomStream::bits32() {
  if (used_ == 4) {
    block_ = next_block();
    used_ = 0;
  }
  return block_[used_++];
}

std::uint64_t RandomStream::bits64() {
  const std::uint64_t low = bits32();
  return std::uint64_t{bits32()} << 32 | low;
}

double RandomStream::uniform() {
  // Odd multiples of 2^-53 reach neither end. (All 53 bits plus a half would round up to 1.)
  return static_cast<double>(bits64() >> 11 | 1) * 0x1p-53;
}

template <class Real>
void RandomStream::fill_normal_as(std::span<Real> out) {
  std::size_t done = 0;
  if (used_ == 4) {
    for (; out.size() - done >= 4; done += 4) {
      const Block words = next_block();
      normal_pair(words[0], words[1], out[done], out[done + 1]);
      normal_pair(words[2], words[3], out[done + 2], out[done + 3]);
    }
  }
  for (; done < out.size(); done += 2) {
    const std::uint32_t radius_bits = bits32();
    const std::uint32_t angle_bits = bits32();
    Real beyond;
    normal_pair(radius_bits, angle_bits, out[done], done + 1 < out.size() ? out[done + 1] : beyond);
  }
}

void RandomStream::fill_normal(std::span<float> out) {
  fill_normal_as(out);
}
void RandomStream::fill_normal(std::span<double> out) {
  fill_normal_as(out);
}

void RandomStream::fill_bits(std::span<std::uint32_t> out) {
  for (std::uint32_t& word : out) word = bits32();
}

void RandomStream::seek(std::uint64_t draw) {
  if (draw > 4 * kBlocks) throw std::out_of_range("RandomStream::seek beyond 2^34 draws");
  block_number_ = draw / 4;
  used_ = 4;
  if (draw % 4 != 0) {
    block_ = next_block();
    used_ = draw % 4;
  }
}

}  // namespace pathline
