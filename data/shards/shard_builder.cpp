#include "data/shards/shard_builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "data/hdf5/hdf5_composer.h"
#include "data/shards/shard_index.h"

namespace pathline::data {

namespace {

constexpr std::uint64_t largest_shard = std::uint64_t{4} << 30;  // bytes of samples

}  // namespace

ShardBuilder::ShardBuilder(const DatasetInfo& info, std::uint64_t samples_per_shard, const std::string& place)
    : info_(info), samples_per_shard_(samples_per_shard), conditions_(info.conditions.size()) {
  if (samples_per_shard == 0) throw Error(ExitCode::usage, "a shard must hold at least one sample", place);
  const std::uint64_t most = std::max<std::uint64_t>(1, largest_shard / info.stored_bytes());
  if (samples_per_shard > most) {
    throw Error(
        ExitCode::usage,
        fmt::format("{} samples of {} bytes in one shard; a shard is built in memory and holds at most {} such samples",
                    samples_per_shard, info.stored_bytes(), most),
        place, "choose fewer samples per shard");
  }
}

void ShardBuilder::add(const void* sample, std::int64_t label, std::uint64_t checksum,
                       const ConditionValues& conditions) {
  const auto* first = static_cast<const std::byte*>(sample);
  samples_.insert(samples_.end(), first, first + info_.sample_bytes());
  labels_.push_back(label);
  checksums_.push_back(checksum);
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const std::vector<std::byte>& value = conditions.at(i);
    conditions_[i].insert(conditions_[i].end(), value.begin(), value.end());
    condition_checksums_.push_back(xxh3_64(value.data(), value.size()));
  }
}

DatasetInfo::Shard ShardBuilder::write(const std::filesystem::path& folder, std::size_t number) {
  const hsize_t count = labels_.size();
  const auto dims_of = [](const std::vector<unsigned long long>& dims) {
    return std::vector<hsize_t>(dims.begin(), dims.end());
  };
  const auto type_of = [](const std::string& dtype) {
    return dtype == "uint8" ? H5T_STD_U8LE : dtype == "int64" ? H5T_STD_I64LE : H5T_IEEE_F32LE;
  };
  Hdf5Composer composer;
  // Small columns first: they and the metadata then share the first pages of the file.
  composer.dataset("/labels", H5T_STD_I64LE, {count}, labels_.data());
  composer.dataset("/checksums", H5T_STD_U64LE, {count}, checksums_.data());
  if (!conditions_.empty()) {
    composer.dataset("/condition_checksums", H5T_STD_U64LE, {count, conditions_.size()}, condition_checksums_.data());
    composer.group("/conditions", conditions_.size());
    for (std::size_t i = 0; i < conditions_.size(); ++i) {
      const ConditionArray& condition = info_.conditions[i];
      composer.dataset(condition.path(), type_of(condition.dtype), dims_of(condition.dims(count)),
                       conditions_[i].data());
    }
  }
  composer.dataset(info_.samples_path(), type_of(info_.dtype), dims_of(info_.samples_dims(count)), samples_.data());

  DatasetInfo::Shard shard;
  shard.file = shard_file_name(number);
  DurableFile file(folder / shard.file);
  Sha256 hash;
  composer.write(file, &hash);
  shard.count = count;
  shard.bytes = file.bytes_written();
  shard.sha256 = hash.hex();
  shard.labels_xxh3 = xxh3_64(labels_.data(), labels_.size() * sizeof labels_[0]);
  shard.checksums_xxh3 = xxh3_64(checksums_.data(), checksums_.size() * sizeof checksums_[0]);
  if (!conditions_.empty()) {
    shard.condition_checksums_xxh3 =
        xxh3_64(condition_checksums_.data(), condition_checksums_.size() * sizeof condition_checksums_[0]);
  }
  file.commit();
  samples_.clear();
  labels_.clear();
  checksums_.clear();
  condition_checksums_.clear();
  for (std::vector<std::byte>& values : conditions_) values.clear();
  return shard;
}

}  // namespace pathline::data
