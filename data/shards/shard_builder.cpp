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
    : info_(info), samples_per_shard_(samples_per_shard) {
  if (samples_per_shard == 0) throw Error(ExitCode::usage, "a shard must hold at least one sample", place);
  const std::uint64_t most = std::max<std::uint64_t>(1, largest_shard / info.sample_bytes());
  if (samples_per_shard > most) {
    throw Error(
        ExitCode::usage,
        fmt::format("{} samples of {} bytes in one shard; a shard is built in memory and holds at most {} such samples",
                    samples_per_shard, info.sample_bytes(), most),
        place, "choose fewer samples per shard");
  }
}

void ShardBuilder::add(const void* sample, std::int64_t label, std::uint64_t checksum) {
  const auto* first = static_cast<const std::byte*>(sample);
  samples_.insert(samples_.end(), first, first + info_.sample_bytes());
  labels_.push_back(label);
  checksums_.push_back(checksum);
}

DatasetInfo::Shard ShardBuilder::write(const std::filesystem::path& folder, std::size_t number) {
  const hsize_t count = labels_.size();
  Hdf5Composer composer;
  // Small columns first: they and the metadata then share the first pages of the file.
  composer.dataset("/labels", H5T_STD_I64LE, {count}, labels_.data());
  composer.dataset("/checksums", H5T_STD_U64LE, {count}, checksums_.data());
  composer.dataset(info_.samples_path(), info_.dtype == "uint8" ? H5T_STD_U8LE : H5T_IEEE_F32LE,
                   info_.samples_dims(count), samples_.data());

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
  file.commit();
  samples_.clear();
  labels_.clear();
  checksums_.clear();
  return shard;
}

}  // namespace pathline::data
