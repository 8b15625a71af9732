#include "data/sources/toy_source.h"

#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include <fmt/format.h>

#include "core/random.h"

namespace pathline::data {

namespace {

using Point = std::array<double, 2>;
using std::numbers::pi;

Point normals(RandomStream& draws) {
  Point n;
  draws.fill_normal(n);
  return n;
}

Point moons(RandomStream& draws, std::int64_t& label) {
  label = draws.bits32() & 1;
  const double angle = pi * draws.uniform();
  const Point n = normals(draws);
  const Point arc =
      label == 0 ? Point{std::cos(angle), std::sin(angle)} : Point{1 - std::cos(angle), 0.5 - std::sin(angle)};
  return {3 * (arc[0] + 0.2 * n[0]) - 1, 3 * (arc[1] + 0.2 * n[1]) - 1};
}

Point eight_gaussians(RandomStream& draws, std::int64_t& label) {
  label = draws.bits32() & 7;
  const Point n = normals(draws);
  const double angle = static_cast<double>(label) * pi / 4, deviation = std::sqrt(0.1);
  return {5 * std::cos(angle) + deviation * n[0], 5 * std::sin(angle) + deviation * n[1]};
}

Point checkerboard(RandomStream& draws, std::int64_t& label) {
  label = -1;
  const double x = 4 * draws.uniform() - 2, v = draws.uniform();
  const double y = v - 2 * static_cast<double>(draws.bits32() & 1) + (std::fmod(std::floor(x) + 4, 2));
  return {2 * x, 2 * y};
}

Point spirals(RandomStream& draws, std::int64_t& label) {
  label = draws.bits32() & 1;
  const double r = std::sqrt(draws.uniform()) * 3 * pi, v = draws.uniform(), w = draws.uniform();
  const double side = label == 0 ? 1 : -1;
  const Point n = normals(draws);
  return {side * (-r * std::cos(r) + v / 2) / 3 + 0.1 * n[0], side * (r * std::sin(r) + w / 2) / 3 + 0.1 * n[1]};
}

struct Density {
  const char* name;
  Point (*draw)(RandomStream&, std::int64_t& label);
  int classes;
};
constexpr std::array<Density, 4> known = {{{"moons", moons, 2},
                                           {"8gaussians", eight_gaussians, 8},
                                           {"checkerboard", checkerboard, 0},
                                           {"spirals", spirals, 2}}};

const Density& density_named(const std::string& name) {
  for (const Density& density : known) {
    if (name == density.name) return density;
  }
  throw std::logic_error("no toy density " + name);
}

}  // namespace

const std::vector<std::string>& ToySource::densities() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Density& density : known) all.push_back(density.name);
    return all;
  }();
  return names;
}

ToySource::ToySource(const std::string& density, std::uint64_t rows, std::uint64_t seed)
    : density_(density), seed_(seed) {
  facts_.count = rows;
  facts_.shape = SampleShape::vector(2);
  facts_.dtype = "float32";
  for (int i = 0; i < density_named(density).classes; ++i) facts_.class_names.push_back(std::to_string(i));
  facts_.name = density;
  facts_.fingerprint = fmt::format("{} seed {} rows {}", density, seed, rows);
}

std::string ToySource::sample_name(std::uint64_t number) const {
  return fmt::format("{}[{}]", density_, number);
}

void ToySource::decode(std::uint64_t number, std::span<const std::byte>, Sample& out) const {
  RandomStream draws(seed_, Purpose::toy_data, 0, number);
  const Point point = density_named(density_).draw(draws, out.label);
  const std::array<float, 2> stored = {static_cast<float>(point[0]), static_cast<float>(point[1])};
  out.values.resize(sizeof stored);
  std::memcpy(out.values.data(), stored.data(), sizeof stored);
}

}  // namespace pathline::data
