#include "sampling/sample_file.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/regular_file.h"
#include "data/hdf5/hdf5_array.h"
#include "data/hdf5/hdf5_composer.h"

namespace pathline::sampling {

namespace {

using data::Hdf5Composer;

hsize_t extent(std::int64_t value) {
  return static_cast<hsize_t>(value);
}

void require_size(std::size_t found, std::int64_t expected, const char* what) {
  if (found != static_cast<std::size_t>(expected))
    throw std::logic_error(fmt::format("sample file: {} values of {}, expected {}", found, what, expected));
}

/// HDF5 Image and Palette Specification 1.2: the attributes that make a dataset a picture in HDFView and h5web.
void write_picture(Hdf5Composer& composer, const std::string& path, const PictureView& picture) {
  require_size(picture.pixels.size(), picture.height * picture.width * picture.channels, "preview");
  const bool color = picture.channels == 3;
  if (!color && picture.channels != 1) throw std::logic_error("sample file: a picture has 1 or 3 channels");
  std::vector<hsize_t> dims = {extent(picture.height), extent(picture.width)};
  if (color) dims.push_back(3);
  composer.dataset(path, H5T_STD_U8LE, dims, picture.pixels.data());
  composer.attribute(path, "CLASS", "IMAGE");
  composer.attribute(path, "IMAGE_VERSION", "1.2");
  composer.attribute(path, "IMAGE_SUBCLASS", color ? "IMAGE_TRUECOLOR" : "IMAGE_GRAYSCALE");
  composer.attribute(path, "DISPLAY_ORIGIN", "UL");
  const std::uint8_t range[2] = {0, 255};
  composer.attribute(path, "IMAGE_MINMAXRANGE", H5T_STD_U8LE, {2}, range);
  if (color) {
    composer.attribute(path, "INTERLACE_MODE", "INTERLACE_PIXEL");
    composer.attribute(path, "IMAGE_COLORMODEL", "RGB");
  } else {
    const std::uint8_t zero = 0;
    composer.attribute(path, "IMAGE_WHITE_IS_ZERO", H5T_STD_U8LE, {}, &zero);
  }
}

/// Bytes that are read because a file says so: anything that fits, but not a thousand times the file.
constexpr std::uint64_t unsuspicious_bytes = std::uint64_t{4} << 30, largest_ratio = 1000;

template <typename T>
std::vector<T> read_values(data::Hdf5Array& array, const std::string& place) {
  const std::size_t row = array.facts().value_bytes() / sizeof(T);
  std::vector<T> values;
  for (std::uint64_t i = 0; i < array.facts().dims[0]; ++i) {  // grows as rows come, not as the file announces them
    values.resize(values.size() + row);
    array.read(i, 1, values.data() + values.size() - row);
  }
  const auto bad = std::find_if(values.begin(), values.end(), [](T value) { return !std::isfinite(value); });
  if (bad != values.end())
    throw Error(ExitCode::bad_input, fmt::format("value {} is {}; expected finite numbers", bad - values.begin(), *bad),
                place);
  return values;
}

}  // namespace

void write_sample_file(const std::filesystem::path& target, const SampleFile& file) {
  const data::Hdf5Scope scope;
  const std::int64_t values = file.count * file.shape.values();
  const hsize_t count = extent(file.count), channels = extent(file.shape.channels), height = extent(file.shape.height),
                width = extent(file.shape.width);
  // Opened first: a folder that cannot be written to is found before any work.
  DurableFile out(target);
  Hdf5Composer composer;
  composer.attribute("/", "format", "pathline-samples");
  composer.attribute("/", "format_version", std::int64_t{1});
  for (const auto& [name, value] : file.attributes) {
    std::visit([&, &name = name](const auto& v) { composer.attribute("/", name, v); }, value);
  }

  composer.group("/samples");
  const auto column = [&](const char* path, std::span<const std::int64_t> numbers) {
    require_size(numbers.size(), file.count, path);
    composer.dataset(path, H5T_STD_I64LE, {count}, numbers.data());
    composer.attribute(path, "axes", "sample");
  };
  column("/samples/labels", file.labels);
  column("/samples/id", file.ids);
  if (!file.images.empty()) {
    require_size(file.images.size(), values, "images");
    composer.dataset("/samples/images", H5T_STD_U8LE, {count, height, width, channels}, file.images.data());
    composer.attribute("/samples/images", "axes", "sample,y,x,channel");
  }
  const auto write_values = [&](const char* path, const auto& numbers) {
    using Value = typename std::decay_t<decltype(numbers)>::value_type;
    if (numbers.empty()) return;
    require_size(numbers.size(), values, path);
    const hid_t type = std::is_same_v<Value, float> ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
    composer.dataset(path, type, {count, channels, height, width}, numbers.data());
    composer.attribute(path, "axes", "sample,channel,y,x");
  };
  std::visit([&](const auto& numbers) { write_values("/samples/raw", numbers); }, file.raw);
  std::visit([&](const auto& numbers) { write_values("/samples/initial", numbers); }, file.initial);
  if (!file.preview.pixels.empty()) {
    composer.group("/preview");
    write_picture(composer, "/preview/grid", file.preview);
  }
  composer.write(out);
  out.commit();
}

std::uint8_t ByteMapping::byte(double x, std::size_t channel) const {
  const double value = scale[channel] * x + mean[channel];
  // Written so that a NaN, for which every comparison is false, becomes 0.
  return value > 0 ? static_cast<std::uint8_t>(std::nearbyint(std::min(value, 255.0))) : std::uint8_t{0};
}

ByteMapping byte_mapping(const std::string& dtype, const std::vector<double>& mean, const std::vector<double>& scale) {
  if (dtype != "float32") return {mean, scale};
  return {std::vector<double>(mean.size(), 127.5), std::vector<double>(mean.size(), 127.5 / 3)};
}

void to_uint8(const SampleValues& raw, const data::ImageShape& shape, std::span<const double> mean,
              std::span<const double> scale, std::span<std::uint8_t> out) {
  const std::size_t values = std::visit([](const auto& numbers) { return numbers.size(); }, raw);
  const auto channels = static_cast<std::size_t>(shape.channels),
             pixels = static_cast<std::size_t>(shape.height * shape.width);
  const std::size_t image = channels * pixels;
  const ByteMapping mapping{{mean.begin(), mean.end()}, {scale.begin(), scale.end()}};
  if (image == 0 || values % image != 0 || out.size() != values || mean.size() != channels ||
      scale.size() != channels) {
    throw std::logic_error("to_uint8: sizes do not fit");
  }
  const auto convert = [&](const auto& numbers) {
    for (std::size_t n = 0; n < values / image; ++n) {
      for (std::size_t c = 0; c < channels; ++c) {
        const auto* from = numbers.data() + n * image + c * pixels;
        std::uint8_t* to = out.data() + n * image + c;
        for (std::size_t p = 0; p < pixels; ++p) to[p * channels] = mapping.byte(from[p], c);
      }
    }
  };
  std::visit(convert, raw);
}

void to_data_units(std::span<float> values, const data::ImageShape& shape, std::span<const double> mean,
                   std::span<const double> scale) {
  const auto channels = static_cast<std::size_t>(shape.channels),
             pixels = static_cast<std::size_t>(shape.height * shape.width);
  if (mean.size() != channels || scale.size() != channels || values.size() % (channels * pixels) != 0)
    throw std::logic_error("to_data_units: sizes do not fit");
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t c = i / pixels % channels;
    values[i] = static_cast<float>(scale[c] * static_cast<double>(values[i]) + mean[c]);
  }
}

InitialNoise read_initial_noise(const std::string& place, const data::ImageShape& expected) {
  const std::size_t colon = place.rfind(":/");
  if (colon == std::string::npos || colon == 0 || colon + 2 == place.size()) {
    throw Error(ExitCode::usage, "expected FILE.h5:/dataset, found \"" + place + '"', "--initial",
                "for example --initial samples.h5:/samples/initial");
  }
  const std::filesystem::path path = place.substr(0, colon);
  const std::string object = place.substr(colon + 1);
  std::error_code failure;
  if (std::filesystem::status(path, failure).type() == std::filesystem::file_type::not_found)
    throw Error(ExitCode::file_system, "there is no such file", path.string());
  const std::uint64_t file_bytes = open_regular_file(path, "this file").bytes;

  const auto array = data::open_hdf5_array_in_child({path, object, {}, {}});
  const data::Hdf5ArrayFacts& facts = array->facts();
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, place); };

  const bool single = facts.type == data::NumberType::float32;
  if (!single && facts.type != data::NumberType::float64)
    fail(fmt::format("expected float32 or float64 values, found {}", data::to_string(facts.type)));
  const std::vector<std::uint64_t> wanted = {extent(expected.channels), extent(expected.height),
                                             extent(expected.width)};
  if (facts.dims.size() != 4 || !std::equal(wanted.begin(), wanted.end(), facts.dims.begin() + 1)) {
    fail(fmt::format("expected dimensions [N, {}] (sample, channel, y, x), found [{}]", fmt::join(wanted, ", "),
                     fmt::join(facts.dims, ", ")));
  }
  const std::uint64_t row_bytes = facts.value_bytes();
  if (facts.dims[0] > std::max(unsuspicious_bytes, largest_ratio * file_bytes) / row_bytes) {
    fail(fmt::format("declares {} samples of {} bytes in a file of {} bytes: not plausible as noise", facts.dims[0],
                     row_bytes, file_bytes));
  }

  InitialNoise noise;
  noise.count = static_cast<std::int64_t>(facts.dims[0]);
  noise.shape = expected;
  if (single) {
    noise.values = read_values<float>(*array, place);
  } else {
    noise.values = read_values<double>(*array, place);
  }
  return noise;
}

}  // namespace pathline::sampling
