#include "data/sources/number_array.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace pathline::data {

namespace {

constexpr std::uint64_t largest_value = std::uint64_t{1} << 30;  // bytes
constexpr std::uint64_t most_labels = std::uint64_t{1} << 32, labels_at_once = std::uint64_t{1} << 16;

}  // namespace

std::size_t NumberArrayFacts::value_bytes() const {
  std::uint64_t bytes = bytes_of(type);
  for (std::size_t i = 1; i < dims.size(); ++i) {
    if (dims[i] == 0 || bytes > largest_value / dims[i]) {
      throw Error(ExitCode::bad_input,
                  fmt::format("samples of dimensions [{}]; at most 1 GiB is read", fmt::join(dims, ", ")), place);
    }
    bytes *= dims[i];
  }
  return bytes;
}

std::vector<std::int64_t> read_labels(NumberArray& array) {
  const NumberArrayFacts& facts = array.facts();
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, facts.place); };
  if (is_float(facts.type)) fail(fmt::format("labels of type {}; expected integers", to_string(facts.type)));
  if (facts.dims.empty()) fail("a single number; expected a label for each sample");
  // [N], or [N, 1] and the like.
  if (std::any_of(facts.dims.begin() + 1, facts.dims.end(), [](std::uint64_t extent) { return extent != 1; }))
    fail(fmt::format("labels of dimensions [{}]; expected one per sample", fmt::join(facts.dims, ", ")));
  if (facts.dims[0] > most_labels) fail(fmt::format("{} labels; expected at most 2^32", facts.dims[0]));
  std::vector<std::int64_t> labels;
  std::vector<std::byte> piece;
  // Grown as data arrive, so that a damaged count is not an allocation.
  for (std::uint64_t first = 0; first < facts.dims[0];) {
    const std::uint64_t count = std::min(labels_at_once, facts.dims[0] - first);
    piece.resize(count * bytes_of(facts.type));
    array.read(first, count, piece.data());
    for (std::size_t i = 0; i < count; ++i) labels.push_back(integer_at(piece.data(), i, facts.type));
    first += count;
  }
  return labels;
}

}  // namespace pathline::data
