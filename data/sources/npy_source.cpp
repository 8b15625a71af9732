#include "data/sources/npy_source.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/sources/npy_header.h"
#include "data/sources/zip_archive.h"

namespace pathline::data {

namespace {

constexpr std::uint64_t largest_member = std::uint64_t{1} << 50, most_labels = std::uint64_t{1} << 32;

const std::vector<std::string> usual_images = {"images", "imgs", "image", "x", "X", "data", "arr_0"};
const std::vector<std::string> usual_labels = {"labels", "label", "y", "Y", "arr_1"};

void refuse_order(const NpyHeader& header, const ByteStream& stream) {
  if (header.fortran_order && header.shape.size() > 1)
    stream.fail("the array is in Fortran order; expected C order", "save numpy.ascontiguousarray(array)");
  if (!header.descr.empty() && header.descr.front() == '>')
    stream.fail("the array is big-endian; expected little-endian", "save array.astype(array.dtype.newbyteorder('<'))");
}

NumberType number_type(const NpyHeader& header, const ByteStream& stream) {
  for (const auto& [descr, type] : {std::pair{"|u1", NumberType::uint8}, std::pair{"<f2", NumberType::float16},
                                    std::pair{"<f4", NumberType::float32}, std::pair{"<f8", NumberType::float64}}) {
    if (header.descr == descr) return type;
  }
  stream.fail(fmt::format("numbers of type {}; expected |u1 (uint8), <f2, <f4 or <f8 (floats)", shown(header.descr)),
              "convert the array, for example with array.astype('float32')");
}

/// Every label of an array of integers.
std::vector<std::int64_t> read_labels(ByteStream& stream) {
  const NpyHeader header = read_npy_header(stream);
  refuse_order(header, stream);
  static const std::vector<std::string> integers = {"|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8"};
  if (std::find(integers.begin(), integers.end(), header.descr) == integers.end())
    stream.fail(fmt::format("labels of type {}; expected integers", shown(header.descr)));
  // [N], or [N, 1] and the like.
  if (header.shape.empty() || header.values() != header.shape[0])
    stream.fail(fmt::format("labels of dimensions [{}]; expected one per sample", fmt::join(header.shape, ", ")));
  if (header.values() > most_labels) stream.fail(fmt::format("{} labels; expected at most 2^32", header.values()));
  const auto size = static_cast<std::size_t>(header.descr[2] - '0');
  const bool is_signed = header.descr[1] == 'i';
  std::vector<std::int64_t> labels;
  std::vector<unsigned char> piece;
  // Grown as data arrive, so that a damaged count is not an allocation.
  for (std::uint64_t left = header.values(); left > 0;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, 1 << 16));
    piece.resize(count * size);
    stream.read(piece.data(), piece.size(), "its labels");
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t value = 0;
      std::memcpy(&value, piece.data() + i * size, size);
      const auto unused_bits = static_cast<int>(64 - 8 * size);
      labels.push_back(is_signed ? static_cast<std::int64_t>(value << unused_bits) >> unused_bits
                                 : static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX)));
    }
    left -= count;
  }
  stream.expect_end();
  return labels;
}

const ZipEntry* find_member(const ZipArchive& archive, const std::string& name) {
  for (const ZipEntry& entry : archive.entries()) {
    if (entry.name == name || entry.name == name + ".npy") return &entry;
  }
  return nullptr;
}

/// The member named `wanted`, or the first there is of the `usual` names; null only if neither was asked for nor found.
const ZipEntry* choose_member(const ZipArchive& archive, const std::string& wanted,
                              const std::vector<std::string>& usual, const char* option) {
  const ZipEntry* found = wanted.empty() ? nullptr : find_member(archive, wanted);
  if (wanted.empty()) {
    for (const std::string& name : usual) {
      if (found == nullptr) found = find_member(archive, name);
    }
  }
  if (found == nullptr && !wanted.empty()) {
    std::vector<std::string> names;
    for (const ZipEntry& entry : archive.entries()) names.push_back(entry.name);
    if (names.size() > 20) names.resize(20);
    throw Error(ExitCode::bad_input, fmt::format("there is no array {} in the archive", shown(wanted)),
                archive.path().string(), fmt::format("name one with {}; it holds {}", option, fmt::join(names, ", ")));
  }
  if (found != nullptr) {
    const std::string problem = archive.problem(*found, largest_member);
    if (!problem.empty()) throw Error(ExitCode::bad_input, problem, archive.path().string() + ":" + found->name);
  }
  return found;
}

}  // namespace

NpySource::NpySource(const NpyInput& input, const ArrayOptions& options)
    : ArraySource(options, input.path.filename().string()) {
  std::string fingerprint = file_fingerprint(input.path);
  const ZipEntry* labels_member = nullptr;
  if (input.path.extension() == ".npz") {
    archive_ = std::make_unique<ZipArchive>(input.path);
    const ZipEntry* member = choose_member(*archive_, input.array, usual_images, "--dataset");
    if (member == nullptr && archive_->entries().size() == 1) member = &archive_->entries().front();
    if (member == nullptr) choose_member(*archive_, usual_images.front(), {}, "--dataset");
    if (input.labels.empty())
      labels_member = choose_member(*archive_, input.labels_array, usual_labels, "--labels-dataset");
    if (labels_member == member) labels_member = nullptr;
    stream_ = archive_->stream(*member);
  } else {
    stream_ = open_plain_or_gzip(input.path);
  }
  const NpyHeader header = read_npy_header(*stream_);
  refuse_order(header, *stream_);
  if (!input.labels.empty()) fingerprint += ", " + file_fingerprint(input.labels);
  begin(number_type(header, *stream_), header.shape, input.path.stem().string(), std::move(fingerprint));
  stream_->expect_room(sample_bytes(), "a sample");
  if (!input.labels.empty()) {
    const auto stream = open_plain_or_gzip(input.labels);
    set_labels(read_labels(*stream), {}, input.labels.string());
  } else if (labels_member != nullptr) {
    const auto stream = archive_->stream(*labels_member);
    set_labels(read_labels(*stream), {}, stream->place());
  }
}

NpySource::~NpySource() = default;

void NpySource::read_values(std::uint64_t number, void* out) {
  const std::string what = fmt::format("sample {} of {}", number, facts().count);
  stream_->skip((number - at_) * sample_bytes(), what);
  stream_->read(out, sample_bytes(), what);
  at_ = number + 1;
  if (at_ == facts().count) stream_->expect_end();
}

}  // namespace pathline::data
