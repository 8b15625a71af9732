#include "data/sources/npy_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "data/sources/file_fingerprint.h"

namespace pathline::data {

namespace {

constexpr std::uint64_t largest_member = std::uint64_t{1} << 50;

void refuse_order(const NpyHeader& header, const ByteStream& stream) {
  if (header.fortran_order && header.shape.size() > 1)
    stream.fail("the array is in Fortran order; expected C order", "save numpy.ascontiguousarray(array)");
  if (!header.descr.empty() && header.descr.front() == '>')
    stream.fail("the array is big-endian; expected little-endian", "save array.astype(array.dtype.newbyteorder('<'))");
}

NumberType number_type(const NpyHeader& header, const ByteStream& stream) {
  for (const auto& [descr, type] :
       {std::pair{"|u1", NumberType::uint8}, std::pair{"<f2", NumberType::float16},
        std::pair{"<f4", NumberType::float32}, std::pair{"<f8", NumberType::float64},
        std::pair{"|b1", NumberType::uint8}, std::pair{"|i1", NumberType::int8}, std::pair{"<u2", NumberType::uint16},
        std::pair{"<i2", NumberType::int16}, std::pair{"<u4", NumberType::uint32}, std::pair{"<i4", NumberType::int32},
        std::pair{"<u8", NumberType::uint64}, std::pair{"<i8", NumberType::int64}}) {
    if (header.descr == descr) return type;
  }
  stream.fail(
      fmt::format("numbers of type {}; expected integers, bool, or <f2, <f4 or <f8 (floats)", shown(header.descr)),
      "convert the array, for example with array.astype('float32')");
}

const ZipEntry* find_member(const ZipArchive& archive, const std::string& name) {
  for (const ZipEntry& entry : archive.entries()) {
    if (entry.name == name || entry.name == name + ".npy") return &entry;
  }
  return nullptr;
}

}  // namespace

NpyArray::NpyArray(std::unique_ptr<ByteStream> stream, std::shared_ptr<const ZipArchive> archive,
                   std::string fingerprint)
    : archive_(std::move(archive)), stream_(std::move(stream)), header_(read_npy_header(*stream_)) {
  refuse_order(header_, *stream_);
  facts_.type = number_type(header_, *stream_);
  facts_.dims = header_.shape;
  facts_.place = stream_->place();
  facts_.fingerprint = std::move(fingerprint);
}

void NpyArray::read(std::uint64_t first, std::uint64_t count, void* out) {
  const std::size_t bytes = facts_.value_bytes();
  const std::string what = fmt::format("value {} of {}", first, facts_.dims[0]);
  stream_->skip((first - at_) * bytes, what);
  stream_->read(out, count * bytes, what);
  at_ = first + count;
  if (at_ == facts_.dims[0]) stream_->expect_end();
}

std::unique_ptr<NpyArray> open_npy_array(const std::filesystem::path& path) {
  std::string fingerprint = file_fingerprint(path);
  return std::make_unique<NpyArray>(open_plain_or_gzip(path), nullptr, std::move(fingerprint));
}

std::unique_ptr<NpyArray> open_npz_array(const std::filesystem::path& path, const std::string& name,
                                         const std::string& option) {
  const auto archive = std::make_shared<const ZipArchive>(path);
  const ZipEntry* member = choose_npz_member(*archive, name, {}, option);
  return std::make_unique<NpyArray>(archive->stream(*member), archive, file_fingerprint(path) + " " + member->name);
}

const ZipEntry* choose_npz_member(const ZipArchive& archive, const std::string& wanted,
                                  const std::vector<std::string>& usual, const std::string& option) {
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

}  // namespace pathline::data
