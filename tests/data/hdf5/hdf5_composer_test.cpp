#include "data/hdf5/hdf5_composer.h"

#include <numeric>

#include <gtest/gtest.h>

#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

struct Contents {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(30000);
  std::vector<std::int64_t> numbers = std::vector<std::int64_t>(77);
  Contents() {
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 11);
    std::iota(numbers.begin(), numbers.end(), -5);
  }
};

std::string compose(const std::filesystem::path& path, const Contents& contents, const std::string& text = "value") {
  Hdf5Composer composer;
  composer.group("/group");
  composer.attribute("/", "text", text);
  composer.attribute("/", "real", 0.1);
  composer.dataset("/group/bytes", H5T_STD_U8LE, {100, 300}, contents.bytes.data());
  composer.attribute("/group/bytes", "whole", std::int64_t{-3});
  composer.dataset("/numbers", H5T_STD_I64LE, {77}, contents.numbers.data());
  DurableFile file(path);
  Sha256 hash;
  composer.write(file, &hash);
  file.commit();
  return hash.hex();
}

template <typename T>
std::vector<T> read_dataset(hid_t file, const char* name, hid_t type, std::size_t count) {
  Hdf5Handle set{H5Dopen2(file, name, H5P_DEFAULT), H5Dclose};
  EXPECT_TRUE(set) << name;
  std::vector<T> values(count);
  EXPECT_GE(H5Dread(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0) << name;
  return values;
}

std::string read_text(hid_t file, const char* name) {
  Hdf5Handle attribute{H5Aopen(file, name, H5P_DEFAULT), H5Aclose};
  Hdf5Handle type{H5Aget_type(attribute.get()), H5Tclose};
  EXPECT_EQ(H5Tis_variable_str(type.get()), 0);
  std::string text(H5Tget_size(type.get()), '\0');
  EXPECT_GE(H5Aread(attribute.get(), type.get(), text.data()), 0);
  text.pop_back();  // the terminating null
  return text;
}

TEST(Hdf5Composer, HDF5ReadsBackWhatWasGiven) {
  TemporaryFolder folder;
  const Contents contents;

  compose(folder / "file.h5", contents);

  Hdf5Handle file{H5Fopen((folder / "file.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
  ASSERT_TRUE(file);
  EXPECT_EQ(read_dataset<std::uint8_t>(file.get(), "/group/bytes", H5T_NATIVE_UINT8, 30000), contents.bytes);
  EXPECT_EQ(read_dataset<std::int64_t>(file.get(), "/numbers", H5T_NATIVE_INT64, 77), contents.numbers);
  EXPECT_EQ(read_text(file.get(), "text"), "value");
}

TEST(Hdf5Composer, SameContentsGiveTheSameBytes) {
  TemporaryFolder folder;
  const Contents contents;

  compose(folder / "a.h5", contents);
  compose(folder / "b.h5", contents);

  EXPECT_EQ(read_bytes(folder / "a.h5"), read_bytes(folder / "b.h5"));
}

TEST(Hdf5Composer, HashCoversEveryByte) {
  TemporaryFolder folder;

  const std::string hash = compose(folder / "file.h5", {});

  EXPECT_EQ(hash, sha256_file(folder / "file.h5"));
}

// Attributes beyond 64 KiB are stored away from their object, behind data: the file then has metadata in several
// places.
TEST(Hdf5Composer, HoldsTextsOfAnyLength) {
  TemporaryFolder folder;
  const Contents contents;
  for (const std::size_t length : {std::size_t{0}, std::size_t{5000}, std::size_t{60000}, std::size_t{200000}}) {
    const std::string text(length, 'x');

    compose(folder / "file.h5", contents, text);

    Hdf5Handle file{H5Fopen((folder / "file.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
    ASSERT_TRUE(file) << length;
    EXPECT_EQ(read_text(file.get(), "text"), text) << length;
    EXPECT_EQ(read_dataset<std::uint8_t>(file.get(), "/group/bytes", H5T_NATIVE_UINT8, 30000), contents.bytes)
        << length;
  }
}

TEST(Hdf5Composer, HoldsManyAttributes) {
  TemporaryFolder folder;
  {
    Hdf5Composer composer;
    for (int i = 0; i < 40; ++i) composer.attribute("/", "name" + std::to_string(i), "v" + std::to_string(i));
    DurableFile file(folder / "file.h5");

    composer.write(file);

    file.commit();
  }

  Hdf5Handle file{H5Fopen((folder / "file.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
  ASSERT_TRUE(file);
  EXPECT_EQ(read_text(file.get(), "name39"), "v39");
}

TEST(Hdf5Composer, AbandonedLayoutLeavesNothing) {
  const Contents contents;
  {
    Hdf5Composer composer;
    composer.dataset("/numbers", H5T_STD_I64LE, {77}, contents.numbers.data());
  }

  EXPECT_EQ(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
}

TEST(Hdf5Composer, KeepsHdf5Quiet) {
  testing::internal::CaptureStderr();
  Hdf5Composer composer;

  EXPECT_THROW(composer.group("/missing/parent"), std::runtime_error);

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace pathline::data
