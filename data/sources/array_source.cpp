#include "data/sources/array_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pathline::data {

namespace {

constexpr std::int64_t most_classes = 1000000;
constexpr std::uint64_t largest_side = 65536;
constexpr std::uint64_t largest_sample = std::uint64_t{1} << 30;  // bytes
constexpr std::uint64_t most_samples = std::uint64_t{1} << 40;

}  // namespace

ArraySource::ArraySource(const ArrayOptions& options, std::string place)
    : options_(options), place_(std::move(place)) {}

std::string ArraySource::sample_name(std::uint64_t number) const {
  return fmt::format("{}[{}]", place_, number);
}

void ArraySource::begin(NumberType type, const std::vector<std::uint64_t>& dims, const std::string& name,
                        std::string fingerprint) {
  const auto shown_dims = [&] { return fmt::format("[{}]", fmt::join(dims, ", ")); };
  const auto fail = [&](ExitCode code, const std::string& message, const std::string& hint = {}) {
    throw Error(code, message, place_, hint);
  };
  if (dims.size() < 2 || dims.size() > 4) {
    fail(ExitCode::bad_input, "dimensions " + shown_dims(),
         "expected [N, H, W], [N, H, W, C], [N, C, H, W], or [N, D] for vectors");
  }
  if (dims[0] == 0) fail(ExitCode::bad_input, "the array holds no samples");
  if (dims[0] > most_samples) fail(ExitCode::bad_input, fmt::format("{} samples; expected at most 2^40", dims[0]));
  std::uint64_t bytes = bytes_of(type);
  for (std::size_t i = 1; i < dims.size(); ++i) {
    if (dims[i] == 0 || dims[i] > largest_side)
      fail(ExitCode::bad_input, fmt::format("dimensions {}; expected 1 to {} each", shown_dims(), largest_side));
    bytes *= dims[i];  // at most 8 · 2^48
  }
  if (bytes > largest_sample)
    fail(ExitCode::bad_input, fmt::format("a sample of {} bytes; at most 1 GiB is read", bytes));
  sample_bytes_ = bytes;
  type_ = type;

  const auto side = [&](std::size_t i) { return static_cast<std::int64_t>(dims[i]); };
  if (dims.size() == 2) {
    shape_ = SampleShape::vector(side(1));
  } else if (dims.size() == 3) {
    shape_ = SampleShape::picture(1, side(1), side(2));
  } else {
    channels_first_ = options_.layout == Layout::nchw;
    if (options_.layout == Layout::automatic && dims[3] > 4 && dims[1] <= 4) {
      fail(ExitCode::usage,
           fmt::format("dimensions {}: are these {} channels last, or {} channels first?", shown_dims(), dims[3],
                       dims[1]),
           "say --layout nhwc or --layout nchw");
    }
    shape_ = channels_first_ ? SampleShape::picture(side(1), side(2), side(3))
                             : SampleShape::picture(side(3), side(1), side(2));
  }

  facts_.count = dims[0];
  facts_.name = name;
  facts_.fingerprint = std::move(fingerprint);
  facts_.shape = shape_;
  const bool picture = type == NumberType::uint8 || options_.range.has_value();
  facts_.dtype = picture ? "uint8" : "float32";
  if (shape_.kind() == SampleKind::vector && picture)
    fail(ExitCode::usage,
         "these are vectors of dimensions " + shown_dims() + "; vectors must be floats without --range");
  if (options_.picture.changes_nothing()) return;
  if (!picture) {
    fail(ExitCode::usage, "--size and --colour are for pictures; these are fields of floats",
         "leave them out, or say with --range LO,HI which values are black and white");
  }
  input_ = image_shape(shape_, place_);
  if (input_.channels != 1 && input_.channels != 3)
    fail(ExitCode::usage, fmt::format("--size and --colour need 1 or 3 channels, found {}", input_.channels));
  output_ = converted_shape(options_.picture, {input_.width, input_.height}, static_cast<int>(input_.channels));
  facts_.shape = output_.sample_shape();
}

void ArraySource::set_labels(std::vector<std::int64_t> labels, std::vector<std::string> names,
                             const std::string& labels_place) {
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, labels_place); };
  if (labels.size() != facts_.count)
    fail(fmt::format("expected one label per sample ({}), found {}", facts_.count, labels.size()));
  const std::int64_t most = names.empty() ? most_classes : static_cast<std::int64_t>(names.size());
  std::int64_t largest = -1;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= most)
      fail(fmt::format("label {} at place {}; expected 0 to {}", labels[i], i, most - 1));
    largest = std::max(largest, labels[i]);
  }
  for (std::int64_t label = static_cast<std::int64_t>(names.size()); label <= largest; ++label)
    names.push_back(std::to_string(label));
  labels_ = std::move(labels);
  facts_.class_names = std::move(names);
}

void ArraySource::fetch(std::uint64_t number, std::vector<std::byte>& raw) {
  raw.resize(sample_bytes_);
  read_values(number, raw.data());
}

void ArraySource::decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const {
  out.label = labels_.empty() ? -1 : labels_[number];
  out.values.clear();
  if (type_ == NumberType::uint8 && !options_.range) {
    decode_bytes(raw, out);
  } else {
    decode_floats(raw, out);
  }
  if (options_.picture.changes_nothing()) return;
  PictureConverter converter(options_.picture, output_);
  converter.start(input_.width, input_.height, static_cast<int>(input_.channels));
  const auto row_bytes = static_cast<std::size_t>(input_.width * input_.channels);
  for (std::size_t y = 0; y < static_cast<std::size_t>(input_.height); ++y)
    converter.row(reinterpret_cast<const std::uint8_t*>(out.values.data()) + y * row_bytes);
  out.values = converter.take();
}

void ArraySource::decode_bytes(std::span<const std::byte> raw, Sample& out) const {
  if (!channels_first_) {
    out.values.assign(raw.begin(), raw.end());
    return;
  }
  const auto channels = static_cast<std::size_t>(shape_.channels()), pixels = raw.size() / channels;
  out.values.resize(raw.size());
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < pixels; ++p) out.values[p * channels + c] = raw[c * pixels + p];
  }
}

void ArraySource::decode_floats(std::span<const std::byte> raw, Sample& out) const {
  const auto channels = static_cast<std::size_t>(shape_.channels());
  const auto count = static_cast<std::size_t>(shape_.values()), pixels = count / channels;
  out.values.resize(facts_.dtype == "uint8" ? count : count * sizeof(float));
  for (std::size_t p = 0; p < pixels; ++p) {
    for (std::size_t c = 0; c < channels; ++c) {
      const double value = number_at(raw.data(), channels_first_ ? c * pixels + p : p * channels + c, type_);
      const auto refuse = [&](const std::string& what) {
        const auto width = static_cast<std::size_t>(shape_.sizes().back());
        const std::string at = shape_.kind() == SampleKind::vector
                                   ? fmt::format("column {}", c)
                                   : fmt::format("row {}, column {}, channel {}", p / width, p % width, c);
        throw BadSample(fmt::format("{} at {}: {}", value, at, what));
      };
      std::byte* to = out.values.data() + (p * channels + c) * (facts_.dtype == "uint8" ? 1 : sizeof(float));
      if (options_.range) {
        const auto [low, high] = *options_.range;
        if (!(value >= low && value <= high)) refuse(fmt::format("outside --range {},{}", low, high));
        *to = static_cast<std::byte>(static_cast<int>((value - low) / (high - low) * 255 + 0.5));
      } else {
        const auto stored = static_cast<float>(value);
        if (!std::isfinite(value)) refuse("not a finite number");
        if (!std::isfinite(stored)) refuse("too large for float32");
        std::memcpy(to, &stored, sizeof stored);
      }
    }
  }
}

}  // namespace pathline::data
