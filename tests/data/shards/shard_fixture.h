#pragma once
// What the tests of the data room share: small shard folders with known contents, and the
// check that something throws the right Error with the right words.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/shards/shard_writer.h"
#include "tests/core/temporary_folder.h"

namespace pathline::data {

using test::TemporaryFolder;

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// Flips bits of one byte in place, which is far quicker than writing the file anew. Flipping again restores it.
inline void flip(const std::filesystem::path& path, std::size_t at, int mask = 1) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  ASSERT_NE(byte, EOF) << "byte " << at << " of " << path;
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ mask));
}

inline DatasetInfo small_info(SampleShape shape = SampleShape::picture(1, 3, 2), const std::string& dtype = "uint8") {
  DatasetInfo info;
  info.name = "small";
  info.split = "train";
  info.shape = shape;
  info.dtype = dtype;
  info.class_names = {"zero", "one", "two"};
  info.mean.assign(static_cast<std::size_t>(shape.channels()), 127.5);
  info.scale.assign(static_cast<std::size_t>(shape.channels()), 127.5);
  return info;
}

/// Image `id` of a test set: bytes that differ between images and places; finite when read as float32.
inline std::vector<std::byte> small_sample(const DatasetInfo& info, std::uint64_t id) {
  std::vector<std::byte> image(info.sample_bytes());
  if (info.dtype == "float32") {
    for (std::size_t i = 0; i < image.size() / 4; ++i) {
      const float value = static_cast<float>(id) - 0.25f * static_cast<float>(i);
      std::memcpy(image.data() + 4 * i, &value, 4);
    }
  } else {
    for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::byte>((id * 31 + i * 7 + id / 8) & 255);
  }
  return image;
}

inline std::int64_t small_label(std::uint64_t id) {
  return static_cast<std::int64_t>(id % 3);
}

inline DatasetInfo write_small_set(const std::filesystem::path& folder, std::uint64_t count, std::uint64_t per_shard,
                                   DatasetInfo info = small_info()) {
  ShardWriter writer(folder, info, per_shard);
  for (std::uint64_t id = 0; id < count; ++id) writer.add(small_sample(info, id).data(), small_label(id));
  return writer.finish();
}

/// Runs `action`; it must throw an Error with this code whose text holds every one of `words`.
inline void expect_error(ExitCode code, const std::vector<std::string>& words, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(code), static_cast<int>(error.code())) << error.what();
    for (const std::string& word : words)
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos)
          << "missing \"" << word << "\" in: " << error.what();
    return;
  }
  ADD_FAILURE() << "expected an error";
}

}  // namespace pathline::data
