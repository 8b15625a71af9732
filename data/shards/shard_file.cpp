#include "data/shards/shard_file.h"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/regular_file.h"
#include "data/hdf5/hdf5_layout.h"
#include "data/shards/value_checks.h"

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

void expect_objects(const Hdf5Layout& layout, const std::string& group, std::size_t expected,
                    const std::string& description, const std::string& place) {
  const std::size_t found = layout.objects(group);
  if (found != expected) fail(place + ":/" + group, fmt::format("expected {}, found {} objects", description, found));
}

}  // namespace

ShardFile ShardFile::open(const std::filesystem::path& folder, const DatasetInfo& info, std::size_t index,
                          ReadBackend backend) {
  const DatasetInfo::Shard& entry = info.shards.at(index);
  const std::filesystem::path path = folder / entry.file;
  const std::string place = path.string();
  std::error_code failure;
  if (std::filesystem::status(path, failure).type() == std::filesystem::file_type::not_found)
    fail(place, "this shard is missing; index.json names it");
  auto opened = open_regular_file(path, "this shard");
  const auto fd = std::make_shared<const FileDescriptor>(std::move(opened.fd));
  const Hdf5Layout layout(fd->get(), opened.bytes, entry.bytes, path);

  // Every array that the index says is there, and nothing else.
  std::vector<std::pair<std::string, StoredDataset>> found;
  const auto locate_array = [&](const std::string& object, const std::string& type,
                                const std::vector<unsigned long long>& dims) {
    found.emplace_back(object, locate(layout, object, type, {dims.begin(), dims.end()}, path));
    return found.back().second;
  };
  const auto stored = [&](const std::string& object, const StoredDataset& dataset, std::size_t value_bytes) {
    return StoredArray(backend == ReadBackend::hdf5 ? hdf5_array_bytes(path, object, value_bytes)
                                                    : pread_array_bytes(fd, dataset.offset, value_bytes, path, object),
                       entry.count, value_bytes, place + ":" + object);
  };
  const std::string samples_path = info.samples_path();
  const StoredDataset samples = locate_array(samples_path, info.dtype, info.samples_dims(entry.count));
  const StoredDataset labels = locate_array("/labels", "int64", {entry.count});
  const StoredDataset checksums = locate_array("/checksums", "uint64", {entry.count});
  std::vector<std::string> objects = {samples_path, "/labels", "/checksums"};
  ShardFile shard;
  if (!info.conditions.empty()) {
    const StoredDataset sums = locate_array("/condition_checksums", "uint64", {entry.count, info.conditions.size()});
    objects.insert(objects.end(), {"/condition_checksums", "/conditions"});
    shard.condition_checksums_ =
        read_column<std::uint64_t>(fd->get(), sums.offset, entry.count * info.conditions.size(),
                                   entry.condition_checksums_xxh3, path, "/condition_checksums");
    for (const ConditionArray& condition : info.conditions) {
      const StoredDataset dataset = locate_array(condition.path(), condition.dtype, condition.dims(entry.count));
      shard.conditions_.push_back(stored(condition.path(), dataset, condition.value_bytes()));
    }
    expect_objects(layout, "conditions", info.conditions.size(), "one for each condition in index.json", place);
  }
  expect_objects(layout, "", objects.size(), fmt::format("exactly {}", fmt::join(objects, ", ")), place);
  refuse_overlaps(found, place);

  const auto sums =
      read_column<std::uint64_t>(fd->get(), checksums.offset, entry.count, entry.checksums_xxh3, path, "/checksums");
  const auto classes =
      read_column<std::int64_t>(fd->get(), labels.offset, entry.count, entry.labels_xxh3, path, "/labels");
  shard.records_.reserve(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string problem = label_problem(info, classes[i]);
    if (!problem.empty()) fail(fmt::format("{}:/labels[{}]", place, i), problem);
    shard.records_.push_back({sums[i], classes[i]});
  }
  shard.samples_.emplace(stored(samples_path, samples, info.sample_bytes()));
  std::uint64_t first_id = 0;
  for (std::size_t i = 0; i < index; ++i) first_id += info.shards[i].count;
  shard.check_label_conditions(info, first_id);
  return shard;
}

/// A class that a network does not have must be found before it is looked up there; so labels are read now, and kept.
void ShardFile::check_label_conditions(const DatasetInfo& info, std::uint64_t first_id) {
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    if (!info.conditions[i].is_label()) continue;
    conditions_[i].keep_in_memory();
    std::array<std::byte, sizeof(std::int64_t)> scratch;
    for (std::uint64_t local = 0; local < count(); ++local) {
      const std::byte* value = condition(local, i, scratch.data(), first_id + local);
      const std::string problem = condition_problem(info.conditions[i], {value, scratch.size()});
      if (!problem.empty()) fail(fmt::format("{}[{}]", conditions_[i].place(), local), problem);
    }
  }
}

void ShardFile::keep_in_memory() {
  samples_->keep_in_memory();
  for (StoredArray& condition : conditions_) condition.keep_in_memory();
}

void ShardFile::announce(std::uint64_t first, std::uint64_t count) const {
  samples_->announce(first, count);
  for (const StoredArray& condition : conditions_) condition.announce(first, count);
}

}  // namespace pathline::data
