#pragma once
// What the tests of the trainer share: a tiny data set, a tiny network's configuration, checkpoints made by hand.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/config.h"
#include "core/random.h"
#include "data/shards/shard_writer.h"
#include "trainer/run_config.h"

namespace pathline::test {

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// Changes one byte in the middle of a file.
inline void damage(const std::filesystem::path& path) {
  std::string text = file_text(path);
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  write_text(path, text);
}

/// 1x8x8 bytes: a bright row whose place is the class, and a little noise.
inline std::vector<std::byte> tiny_image(std::uint64_t id, std::size_t classes = 3) {
  RandomStream stream(3, Purpose::noise, 0, id);
  std::vector<std::byte> image(64);
  for (std::size_t i = 0; i < image.size(); ++i) {
    const std::uint32_t base = i / 8 == 2 * (id % classes) ? 220U : 20U;
    image[i] = static_cast<std::byte>(base + stream.bits32() % 16);
  }
  return image;
}

/// `count` tiny images in `classes` classes.
inline void write_tiny_shards(const std::filesystem::path& folder, std::uint64_t count = 40, std::size_t classes = 3) {
  data::DatasetInfo info;
  info.name = "tiny";
  info.split = "train";
  info.shape = SampleShape::picture(1, 8, 8);
  info.dtype = "uint8";
  for (std::size_t i = 0; i < classes; ++i) info.class_names.push_back("class " + std::to_string(i));
  info.mean = info.scale = {127.5};
  data::ShardWriter writer(folder, info, 16);
  for (std::uint64_t id = 0; id < count; ++id) {
    writer.add(tiny_image(id, classes).data(), static_cast<std::int64_t>(id % classes));
  }
  writer.finish();
}

/// A set of 1x8x8 float32 images of zeros, but for image `bad`, whose values are so large that the loss is infinite.
inline void write_shards_with_a_huge_image(const std::filesystem::path& folder, std::uint64_t count,
                                           std::uint64_t bad) {
  data::DatasetInfo info;
  info.name = "huge";
  info.split = "train";
  info.shape = SampleShape::picture(1, 8, 8);
  info.dtype = "float32";
  info.class_names = {"only"};
  info.mean = {0.0};
  info.scale = {1.0};
  data::ShardWriter writer(folder, info, 64);
  for (std::uint64_t id = 0; id < count; ++id) {
    const std::vector<float> image(64, id == bad ? 1e30F : 0.0F);
    writer.add(image.data(), 0);
  }
  writer.finish();
}

/// A small network, 8 images per step in micro-batches of 2, everything below `folder`.
inline std::string tiny_ini(const std::filesystem::path& folder) {
  return fmt::format(R"(
[data]
shards = {0}/shards
threads = 1
prefetch = 2
[network]
channels = 32
channel_mult = 1,1
attention =
head_channels = 32
[optimizer]
lr = 1e-2
[train]
steps = 6
global_batch = 8
micro_batch = 2
threads = 1
ema_halflife = 100
[parallel]
reduction = reproducible
[checkpoint]
dir = {0}/run
every = 3
keep = 100
[log]
dir = {0}/log
every = 2
preview_every = 0
)",
                     folder.string());
}

/// tiny_ini with options on top: {"--train.steps", "4"}.
inline Config tiny_config(const std::filesystem::path& folder, const std::vector<std::string>& options = {}) {
  return Config::parse_text(train_schema(), tiny_ini(folder), "tiny.ini", options);
}

}  // namespace pathline::test
