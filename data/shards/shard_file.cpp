#include "data/shards/shard_file.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "core/hash.h"
#include "data/hdf5/hdf5_layout.h"
#include "data/read/kernels/sample_kernels.h"
#include "data/shards/shard_index.h"

namespace pathline::data {

// Shards are little-endian and are read without conversion.
static_assert(std::endian::native == std::endian::little, "pathline reads shards on little-endian machines only");

namespace {

constexpr const char* remake = "restore the file from a copy, or make the shards anew with `pathline shards create`";

[[noreturn]] void fail(const std::string& place, const std::string& message) {
  throw Error(ExitCode::bad_input, message, place, remake);
}

/// The dataset `object`, which must have this type and these dimensions.
StoredDataset locate(const Hdf5Layout& layout, const std::string& object, const std::string& type,
                     const std::vector<std::uint64_t>& dims, const std::filesystem::path& path) {
  const StoredDataset found = layout.dataset(object.substr(1));
  const std::string place = path.string() + ":" + object;
  const auto list = [](const std::vector<std::uint64_t>& extents) {
    return fmt::format("[{}]", fmt::join(extents, ", "));
  };
  if (found.type != type) fail(place, fmt::format("expected type {}, found {}", type, found.type));
  if (found.dims.size() != dims.size())
    fail(place, fmt::format("expected {} dimensions {}, found {} {}", dims.size(), list(dims), found.dims.size(),
                            list(found.dims)));
  if (found.dims != dims) fail(place, fmt::format("expected dimensions {}, found {}", list(dims), list(found.dims)));
  return found;
}

void refuse_overlaps(std::vector<std::pair<std::string, StoredDataset>> sets, const std::string& place) {
  std::sort(sets.begin(), sets.end(), [](const auto& a, const auto& b) { return a.second.offset < b.second.offset; });
  for (std::size_t i = 0; i + 1 < sets.size(); ++i) {
    if (sets[i].second.offset + sets[i].second.bytes > sets[i + 1].second.offset)
      fail(place, fmt::format("the data of {} and {} overlap", sets[i].first, sets[i + 1].first));
  }
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

ShardFile ShardFile::open(const std::filesystem::path& folder, const DatasetInfo& info, std::size_t index,
                          ReadBackend backend) {
  const DatasetInfo::Shard& entry = info.shards.at(index);
  ShardFile shard;
  shard.path_ = folder / entry.file;
  const std::string place = shard.path_.string();
  // O_NONBLOCK: a named pipe in place of the file must not make us wait for a writer.
  FileDescriptor fd(open_retrying(shard.path_, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT) fail(place, "this shard is missing; index.json names it");
    throw system_error(errno, "cannot open this shard", place);
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw system_error(errno, "cannot look at this shard", place);
  if (!S_ISREG(status.st_mode)) fail(place, "this is not a regular file; expected an HDF5 shard");
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  const Hdf5Layout layout(fd.get(), file_bytes, entry.bytes, shard.path_);
  const std::string samples_path = info.samples_path();
  const std::vector<unsigned long long> dims = info.samples_dims(entry.count);
  const StoredDataset samples = locate(layout, samples_path, info.dtype, {dims.begin(), dims.end()}, shard.path_);
  const StoredDataset labels = locate(layout, "/labels", "int64", {entry.count}, shard.path_);
  const StoredDataset checksums = locate(layout, "/checksums", "uint64", {entry.count}, shard.path_);
  if (layout.objects() != 3) {
    fail(place + ":/",
         fmt::format("expected exactly {}, /labels and /checksums, found {} objects", samples_path, layout.objects()));
  }
  refuse_overlaps({{samples_path, samples}, {"/labels", labels}, {"/checksums", checksums}}, place);
  shard.sample_bytes_ = info.sample_bytes();
  shard.samples_path_ = samples_path;
  const auto sums = read_column<std::uint64_t>(fd.get(), checksums.offset, entry.count, entry.checksums_xxh3,
                                               shard.path_, "/checksums");
  const auto classes =
      read_column<std::int64_t>(fd.get(), labels.offset, entry.count, entry.labels_xxh3, shard.path_, "/labels");
  shard.records_.reserve(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string problem = label_problem(info, classes[i]);
    if (!problem.empty()) fail(fmt::format("{}:/labels[{}]", place, i), problem);
    shard.records_.push_back({sums[i], classes[i]});
  }
  shard.source_ = backend == ReadBackend::hdf5
                      ? hdf5_array_bytes(shard.path_, samples_path, shard.sample_bytes_)
                      : pread_array_bytes(std::move(fd), samples.offset, shard.sample_bytes_, shard.path_);
  return shard;
}

void ShardFile::keep_in_memory() {
  cache_ = std::make_unique<ArrayCache>(count(), sample_bytes_);
}

const std::byte* ShardFile::sample(std::uint64_t local, std::byte* scratch, std::uint64_t id) const {
  const std::byte* bytes = cache_ != nullptr ? cache_->find(local, *source_) : nullptr;
  if (bytes == nullptr) {
    source_->read(local, 1, scratch);
    bytes = scratch;
  }
  const std::uint64_t found = kernels::sample_kernels().xxh3(bytes, sample_bytes_);
  if (found != records_[local].checksum) {
    fail(fmt::format("{}:{}[{}]", path_.string(), samples_path_, local),
         fmt::format("sample {} is damaged: expected checksum {:016x}, found {:016x}", id, records_[local].checksum,
                     found));
  }
  return bytes;
}

}  // namespace pathline::data
