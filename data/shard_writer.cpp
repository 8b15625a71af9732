#include "data/shard_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "data/hdf5_composer.h"
#include "data/shard_index.h"

namespace pathline::data {

namespace {

constexpr std::uint64_t largest_shard = std::uint64_t{4} << 30;  // bytes of images

}  // namespace

struct ShardWriter::State {
  State(std::filesystem::path folder, DatasetInfo about, std::uint64_t per_shard)
      : info(std::move(about)), images_per_shard(per_shard), directory(std::move(folder)) {}

  DatasetInfo info;
  std::uint64_t images_per_shard;
  DurableDirectory directory;
  bool finished = false;
  // The shard being filled.
  std::vector<std::byte> images;
  std::vector<std::int64_t> labels;
  std::vector<std::uint64_t> checksums;

  void write_shard();
};

ShardWriter::ShardWriter(std::filesystem::path folder, DatasetInfo info, std::uint64_t images_per_shard) {
  check_dataset_info(info, ExitCode::usage, folder.string());
  if (images_per_shard == 0) throw Error(ExitCode::usage, "a shard must hold at least one image", folder.string());
  if (images_per_shard > std::max<std::uint64_t>(1, largest_shard / info.image_bytes())) {
    throw Error(
        ExitCode::usage,
        fmt::format("{} images of {} bytes in one shard; a shard is built in memory and holds at most {} such images",
                    images_per_shard, info.image_bytes(),
                    std::max<std::uint64_t>(1, largest_shard / info.image_bytes())),
        folder.string(), "choose fewer images per shard");
  }
  info.format_version = 1;
  info.count = 0;
  info.shards.clear();
  state_ = std::make_unique<State>(std::move(folder), std::move(info), images_per_shard);
}

ShardWriter::~ShardWriter() = default;

void ShardWriter::add(const void* image, std::int64_t label) {
  State& s = *state_;
  if (s.finished) throw std::logic_error("ShardWriter::add after finish()");
  const auto place = [&] { return fmt::format("image {}", s.info.count); };
  const std::string problem = label_problem(s.info, label);
  if (!problem.empty()) throw Error(ExitCode::bad_input, problem, place());
  const std::size_t bytes = s.info.image_bytes();
  if (s.info.dtype == "float32") {
    const auto* values = static_cast<const std::byte*>(image);
    for (std::size_t i = 0; i < bytes; i += sizeof(float)) {
      float value;
      std::memcpy(&value, values + i, sizeof value);
      if (!std::isfinite(value))
        throw Error(ExitCode::bad_input, fmt::format("value {} is not finite", i / sizeof(float)), place());
    }
  }
  const auto* first = static_cast<const std::byte*>(image);
  s.images.insert(s.images.end(), first, first + bytes);
  s.labels.push_back(label);
  s.checksums.push_back(xxh3_64(image, bytes));
  ++s.info.count;
  if (s.labels.size() == s.images_per_shard) s.write_shard();
}

void ShardWriter::State::write_shard() {
  const hsize_t count = labels.size();
  const auto side = [](std::int64_t extent) { return static_cast<hsize_t>(extent); };
  Hdf5Composer composer;
  // Small columns first: they and the metadata then share the first pages of the file.
  composer.dataset("/labels", H5T_STD_I64LE, {count}, labels.data());
  composer.dataset("/checksums", H5T_STD_U64LE, {count}, checksums.data());
  composer.dataset("/images", info.dtype == "uint8" ? H5T_STD_U8LE : H5T_IEEE_F32LE,
                   {count, side(info.shape.height), side(info.shape.width), side(info.shape.channels)}, images.data());

  DatasetInfo::Shard shard;
  shard.file = shard_file_name(info.shards.size());
  DurableFile file(directory.path() / shard.file);
  Sha256 hash;
  composer.write(file, &hash);
  shard.count = count;
  shard.bytes = file.bytes_written();
  shard.sha256 = hash.hex();
  shard.labels_xxh3 = xxh3_64(labels.data(), labels.size() * sizeof labels[0]);
  shard.checksums_xxh3 = xxh3_64(checksums.data(), checksums.size() * sizeof checksums[0]);
  file.commit();
  info.shards.push_back(std::move(shard));
  images.clear();
  labels.clear();
  checksums.clear();
}

DatasetInfo ShardWriter::finish() {
  State& s = *state_;
  if (s.finished) throw std::logic_error("ShardWriter::finish called twice");
  if (s.info.count == 0) throw Error(ExitCode::bad_input, "there are no images to write", "shards");
  if (!s.labels.empty()) s.write_shard();
  write_file_durably(s.directory.path() / index_file_name, index_text(s.info));
  s.directory.commit();
  s.finished = true;
  return s.info;
}

}  // namespace pathline::data
