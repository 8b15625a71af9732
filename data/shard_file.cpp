#include "data/shard_file.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/hash.h"
#include "data/hdf5_guard.h"
#include "data/shard_index.h"

namespace pathline::data {

// Shards are little-endian and are read without conversion.
static_assert(std::endian::native == std::endian::little, "pathline reads shards on little-endian machines only");

namespace {

constexpr const char* remake = "restore the file from a copy, or make the shards anew with `pathline shards create`";

[[noreturn]] void fail(const std::string& place, const std::string& message) {
  throw Error(ExitCode::bad_input, message, place, remake);
}

std::uint64_t little_endian(const unsigned char* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// What can be said without HDF5, which is not safe with files made to harm it and vague about damaged ones.
void check_superblock(int fd, std::uint64_t file_bytes, std::uint64_t expected_bytes,
                      const std::filesystem::path& path) {
  static constexpr std::array<unsigned char, 8> signature = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  std::array<unsigned char, 48> head{};
  const std::size_t got = read_at(fd, head.data(), head.size(), 0, path);
  const std::string place = path.string();
  if (got < signature.size() || !std::equal(signature.begin(), signature.end(), head.begin())) {
    fail(place, got == 0 ? "the file is empty; expected an HDF5 shard"
                         : "this is not an HDF5 file (its signature is missing)");
  }
  if (file_bytes < expected_bytes) {
    fail(place, fmt::format("the file is truncated: index.json says {} bytes, found {}", expected_bytes, file_bytes));
  }
  if (file_bytes > expected_bytes) {
    fail(place, fmt::format("this is not the file that index.json names: it says {} bytes, found {}", expected_bytes,
                            file_bytes));
  }
  // HDF5 File Format Specification, "Superblock": version at byte 8, base address at 12, end of file at 28 (versions 2
  // and 3).
  if (head[8] != 3) {
    fail(place, fmt::format("expected HDF5 superblock version 3 (whose metadata carry checksums), found version {}: "
                            "not a file of pathline's",
                            head[8]));
  }
  if (little_endian(&head[12]) != 0) fail(place, "the HDF5 base address is not 0: the file has a user block");
  if (little_endian(&head[28]) != file_bytes) {
    fail(place, fmt::format("the HDF5 header says {} bytes, found {}", little_endian(&head[28]), file_bytes));
  }
}

/// Byte offset of a dataset that must have this type and these dimensions and lie in the file in one piece.
std::uint64_t locate(hid_t file, const std::string& object, const std::string& type, const std::vector<hsize_t>& dims,
                     std::uint64_t file_bytes, const std::filesystem::path& path) {
  const auto dataset = open_dataset_to_read(file, object, path);
  const DatasetFacts facts = inspect_dataset(dataset.get(), object, path);
  const std::string place = path.string() + ":" + object;
  if (facts.type != type) fail(place, fmt::format("expected type {}, found {}", type, facts.type));
  if (facts.dims.size() != dims.size())
    fail(place, fmt::format("expected {} dimensions {}, found {} {}", dims.size(), format_dims(dims), facts.dims.size(),
                            format_dims(facts.dims)));
  if (facts.dims != dims)
    fail(place, fmt::format("expected dimensions {}, found {}", format_dims(dims), format_dims(facts.dims)));
  if (facts.layout != H5D_CONTIGUOUS)
    fail(place, facts.layout == H5D_CHUNKED ? "expected contiguous storage, found chunks"
                                            : "expected contiguous storage, found compact storage");
  if (!facts.filters.empty()) fail(place, "expected no filters");
  if (facts.offset == HADDR_UNDEF || facts.stored_bytes != facts.declared_bytes) {
    fail(place, fmt::format("expected {} bytes of data, found {}: the dataset was never written", facts.declared_bytes,
                            facts.stored_bytes));
  }
  if (facts.offset > file_bytes || facts.declared_bytes > file_bytes - facts.offset) {
    fail(place, fmt::format("its {} bytes at offset {} pass the end of the file ({} bytes)", facts.declared_bytes,
                            facts.offset, file_bytes));
  }
  return facts.offset;
}

template <typename T>
std::vector<T> read_column(int fd, std::uint64_t offset, std::uint64_t count, std::uint64_t expected_xxh3,
                           const std::filesystem::path& path, const std::string& object) {
  std::vector<T> values(count);
  const std::size_t bytes = values.size() * sizeof(T);
  if (read_at(fd, values.data(), bytes, offset, path) != bytes)
    fail(path.string() + ":" + object, "the file ended early");
  const std::uint64_t found = xxh3_64(values.data(), bytes);
  if (found != expected_xxh3) {
    fail(path.string() + ":" + object,
         fmt::format("the data are damaged: expected checksum {:016x}, found {:016x}", expected_xxh3, found));
  }
  return values;
}

}  // namespace

ShardFile ShardFile::open(const std::filesystem::path& folder, const DatasetInfo& info, std::size_t index) {
  const Hdf5Scope scope;
  const DatasetInfo::Shard& entry = info.shards.at(index);
  ShardFile shard;
  shard.path_ = folder / entry.file;
  const std::string place = shard.path_.string();
  // O_NONBLOCK: a named pipe in place of the file must not make us wait for a writer.
  shard.fd_ = FileDescriptor(open_retrying(shard.path_, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!shard.fd_) {
    if (errno == ENOENT) fail(place, "this shard is missing; index.json names it");
    throw system_error(errno, "cannot open this shard", place);
  }
  struct stat status;
  if (::fstat(shard.fd_.get(), &status) != 0) throw system_error(errno, "cannot look at this shard", place);
  if (!S_ISREG(status.st_mode)) fail(place, "this is not a regular file; expected an HDF5 shard");
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  check_superblock(shard.fd_.get(), file_bytes, entry.bytes, shard.path_);

  std::uint64_t labels_offset = 0, checksums_offset = 0;
  {
    const auto file = open_hdf5_to_read(shard.path_);
    H5G_info_t root;
    if (H5Gget_info(file.get(), &root) < 0) fail(place + ":/", "cannot be read: " + hdf5_reason());
    const hsize_t count = entry.count;
    shard.images_offset_ =
        locate(file.get(), info.samples_path(), info.dtype, info.samples_dims(entry.count), file_bytes, shard.path_);
    labels_offset = locate(file.get(), "/labels", "int64", {count}, file_bytes, shard.path_);
    checksums_offset = locate(file.get(), "/checksums", "uint64", {count}, file_bytes, shard.path_);
    if (root.nlinks != 3)
      fail(place + ":/", fmt::format("expected exactly {}, /labels and /checksums, found {} objects",
                                     info.samples_path(), root.nlinks));
  }
  shard.image_bytes_ = info.image_bytes();
  shard.labels_ =
      read_column<std::int64_t>(shard.fd_.get(), labels_offset, entry.count, entry.labels_xxh3, shard.path_, "/labels");
  shard.checksums_ = read_column<std::uint64_t>(shard.fd_.get(), checksums_offset, entry.count, entry.checksums_xxh3,
                                                shard.path_, "/checksums");
  for (std::size_t i = 0; i < shard.labels_.size(); ++i) {
    const std::string problem = label_problem(info, shard.labels_[i]);
    if (!problem.empty()) fail(fmt::format("{}:/labels[{}]", place, i), problem);
  }
  return shard;
}

void ShardFile::read_image(std::uint64_t local, void* out, std::uint64_t id) const {
  const auto where = [&] { return fmt::format("{}:/images[{}]", path_.string(), local); };
  if (read_at(fd_.get(), out, image_bytes_, images_offset_ + local * image_bytes_, path_) != image_bytes_) {
    fail(where(), fmt::format("the file ended in the middle of image {}: it was cut short after it was opened", id));
  }
  const std::uint64_t found = xxh3_64(out, image_bytes_);
  if (found != checksums_[local]) {
    fail(where(),
         fmt::format("image {} is damaged: expected checksum {:016x}, found {:016x}", id, checksums_[local], found));
  }
}

}  // namespace pathline::data
