#pragma once
// Two-dimensional toy densities as rows of float32, for experiments that take seconds. Row i is a pure function of
// (density, seed, i).
//
// With u, v uniform in (0, 1) and n normal, drawn in this order from the stream (seed, toy_data, 0, i):
// - moons: bit b = first bit; a = pi·u; (cos a, sin a) for b = 0, (1 - cos a, 1/2 - sin a) for b = 1, plus 0.2 n per
//   coordinate, then 3x - 1 (scikit-learn's make_moons with noise 0.2, scaled as torchcfm does). Class b.
// - 8gaussians: k = 3 bits; 5 (cos k·pi/4, sin k·pi/4) + sqrt(0.1) n. Class k.
// - checkerboard: x = 4u - 2, y = v - 2b + (floor(x) mod 2); both doubled: squares of side 2 in [-4, 4]². No classes.
// - spirals: r = sqrt(u)·3 pi; s (-r cos r + v/2, r sin r + w/2) / 3 + 0.1 n with s = 1 or -1 by bit b, the two arms
//   of FFJORD's 2spirals. Class b.

#include <cstdint>
#include <string>
#include <vector>

#include "data/sources/sample_source.h"

namespace pathline::data {

class ToySource : public SampleSource {
 public:
  static const std::vector<std::string>& densities();
  /// REQUIRES: `density` is one of densities().
  ToySource(const std::string& density, std::uint64_t rows, std::uint64_t seed);

  const SourceFacts& facts() const override { return facts_; }
  std::string sample_name(std::uint64_t number) const override;
  void fetch(std::uint64_t, std::vector<std::byte>&) override {}
  void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const override;

 private:
  std::string density_;
  std::uint64_t seed_;
  SourceFacts facts_;
};

}  // namespace pathline::data
