#include "data/hdf5/hdf5_layout.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "core/file_descriptor.h"
#include "data/hdf5/hdf5_guard.h"
#include "data/hdf5/lookup3.h"
#include "tests/data/shards/conditioned_fixture.h"

namespace pathline::data {
namespace {

/// The oracle: what the HDF5 library says of the same dataset.
StoredDataset by_library(const std::filesystem::path& path, const std::string& object) {
  const auto file = open_hdf5_to_read(path);
  const auto dataset = open_dataset_to_read(file.get(), object, path);
  const DatasetFacts facts = inspect_dataset(dataset.get(), object, path);
  return {facts.type, {facts.dims.begin(), facts.dims.end()}, facts.offset, facts.stored_bytes};
}

class Hdf5LayoutTest : public testing::Test {
 protected:
  Hdf5Layout open(const std::filesystem::path& path) {
    fd_ = FileDescriptor(open_retrying(path, O_RDONLY));
    const std::uint64_t bytes = std::filesystem::file_size(path);
    return Hdf5Layout(fd_.get(), bytes, bytes, path);
  }
  void expect_same(const std::filesystem::path& path, const std::string& name) {
    const StoredDataset found = open(path).dataset(name), expected = by_library(path, "/" + name);
    EXPECT_EQ(found.type, expected.type) << name;
    EXPECT_EQ(found.dims, expected.dims) << name;
    EXPECT_EQ(found.offset, expected.offset) << name;
    EXPECT_EQ(found.bytes, expected.bytes) << name;
  }
  /// A file as another program might write it: by the library, with options of its own.
  std::filesystem::path foreign(const std::function<void(hid_t)>& build, bool times = true, bool ordered = false) {
    const Hdf5Scope scope;
    const std::filesystem::path path = folder_ / "foreign.h5";
    Hdf5Handle access{H5Pcreate(H5P_FILE_ACCESS), H5Pclose}, creation{H5Pcreate(H5P_FILE_CREATE), H5Pclose};
    H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_obj_track_times(creation.get(), times);
    if (ordered) H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    Hdf5Handle file{H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose};
    build(file.get());
    return path;
  }
  static void add(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& dims, int attributes = 0) {
    Hdf5Handle space{H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
    Hdf5Handle set{H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose};
    std::size_t bytes = H5Tget_size(type);
    for (const hsize_t extent : dims) bytes *= extent;
    const std::vector<std::byte> zeros(bytes);
    ASSERT_GE(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data()), 0);
    for (int i = 0; i < attributes; ++i) {  // enough of them to make the header go on elsewhere
      Hdf5Handle scalar{H5Screate(H5S_SCALAR), H5Sclose};
      Hdf5Handle made{H5Acreate2(set.get(), ("note " + std::to_string(i)).c_str(), H5T_STD_I64LE, scalar.get(),
                                 H5P_DEFAULT, H5P_DEFAULT),
                      H5Aclose};
      const std::int64_t value = i;
      ASSERT_GE(H5Awrite(made.get(), H5T_STD_I64LE, &value), 0);
    }
  }
  TemporaryFolder folder_;
  FileDescriptor fd_;
};

TEST_F(Hdf5LayoutTest, AgreesWithTheLibraryOnOurShards) {
  for (const std::string dtype : {"uint8", "float32"}) {
    write_small_set(folder_ / dtype, 20, 7, small_info(SampleShape::picture(3, 5, 4), dtype));

    for (const char* shard : {"shard-00000.h5", "shard-00002.h5"}) {
      for (const char* name : {"images", "labels", "checksums"}) expect_same(folder_ / dtype / shard, name);
      EXPECT_EQ(open(folder_ / dtype / shard).objects(), 3u);
    }
  }
}

TEST_F(Hdf5LayoutTest, AgreesWithTheLibraryOnDatasetsInGroups) {
  write_conditioned_set(folder_ / "set", 20, 7);
  for (const char* shard : {"shard-00000.h5", "shard-00002.h5"}) {
    for (const char* name : {"conditions/params", "conditions/view", "conditions/field", "conditions/sort",
                             "condition_checksums", "images"})
      expect_same(folder_ / "set" / shard, name);
    EXPECT_EQ(open(folder_ / "set" / shard).objects(), 5u);
    EXPECT_EQ(open(folder_ / "set" / shard).objects("conditions"), 4u);
  }
}

TEST_F(Hdf5LayoutTest, FollowsNoPathThroughADataset) {
  write_conditioned_set(folder_ / "set", 5, 7);
  const auto path = folder_ / "set/shard-00000.h5";

  expect_error(ExitCode::bad_input, {"/images/params", "no such object"}, [&] { open(path).dataset("images/params"); });
  expect_error(ExitCode::bad_input, {"/conditions", "group or a type"}, [&] { open(path).dataset("conditions"); });
}

TEST_F(Hdf5LayoutTest, AgreesWithTheLibraryOnFilesOfOthers) {
  for (const bool times : {false, true}) {
    for (const bool ordered : {false, true}) {
      const auto path = foreign(
          [](hid_t file) {
            add(file, "/bytes", H5T_STD_U8LE, {6, 2, 3, 1});
            add(file, "/doubles", H5T_IEEE_F64LE, {5}, 5);
            add(file, "/floats", H5T_IEEE_F32LE, {2, 9});
            add(file, "/wide", H5T_STD_U64LE, {3});
            add(file, "/signed", H5T_STD_I64LE, {4});
          },
          times, ordered);

      for (const char* name : {"bytes", "doubles", "floats", "wide", "signed"}) expect_same(path, name);
    }
  }
}

TEST_F(Hdf5LayoutTest, DescribesTypesItDoesNotKnow) {
  const auto path = foreign([](hid_t file) {
    add(file, "/a", H5T_STD_I64BE, {2});
    add(file, "/b", H5T_IEEE_F32BE, {2});
    add(file, "/c", H5T_STD_U16LE, {2});
  });
  const Hdf5Layout layout = open(path);

  EXPECT_EQ(layout.dataset("a").type, "big-endian signed integer of 8 bytes");
  EXPECT_EQ(layout.dataset("b").type, "big-endian floating point of 4 bytes");
  EXPECT_EQ(layout.dataset("c").type, "unsigned integer of 2 bytes");
}

TEST_F(Hdf5LayoutTest, RefusesGroupsOfManyObjects) {
  const auto path = foreign([](hid_t file) {
    for (int i = 0; i < 40; ++i) add(file, ("/x" + std::to_string(i)).c_str(), H5T_STD_U8LE, {1});
  });

  expect_error(ExitCode::bad_input, {"foreign.h5:/", "too many to stand in"}, [&] { open(path); });
}

/// Where the header with this object's layout message says where the data lie, with its checksum put right afterwards.
class HostileShard : public Hdf5LayoutTest {
 protected:
  void SetUp() override {
    write_small_set(folder_ / "set", 8, 10, small_info(SampleShape::picture(1, 4, 4)));
    path_ = folder_ / "set/shard-00000.h5";
    bytes_ = read_bytes(path_);
  }
  /// Replaces the 8-byte number `from` within the object headers by `to`, as someone with intent would.
  void forge(std::uint64_t from, std::uint64_t to) {
    const std::string pattern(reinterpret_cast<const char*>(&from), 8);
    std::size_t replaced = 0;
    for (std::size_t at = bytes_.find("OHDR"); at != std::string::npos; at = bytes_.find("OHDR", at + 4)) {
      const unsigned flags = static_cast<unsigned char>(bytes_[at + 5]);
      ASSERT_EQ(flags & 0x30u, 0u) << "expected a header without times and limits, as the shard writer makes";
      const std::size_t width = std::size_t{1} << (flags & 3);
      std::uint64_t length = 0;
      std::memcpy(&length, &bytes_[at + 6], width);
      const std::size_t end = at + 6 + width + length;
      const std::size_t found = bytes_.find(pattern, at);
      if (found >= end) continue;
      std::memcpy(&bytes_[found], &to, 8);
      const std::uint32_t sum = lookup3(reinterpret_cast<const unsigned char*>(&bytes_[at]), end - at);
      std::memcpy(&bytes_[end], &sum, 4);
      ++replaced;
    }
    ASSERT_EQ(replaced, 1u);
    write_bytes(path_, bytes_);
  }
  void expect_refused(const std::vector<std::string>& words) {
    expect_error(ExitCode::bad_input, words, [&] { ShardSet::open(folder_ / "set"); });
  }
  std::filesystem::path path_;
  std::string bytes_;
};

TEST_F(HostileShard, IsRefusedWhenItsDataPassTheEndOfTheFile) {
  const StoredDataset images = open(path_).dataset("images");

  forge(images.offset, bytes_.size() - 8);

  expect_refused({"/images", "pass the end of the file"});
}

TEST_F(HostileShard, IsRefusedWhenItsDataOverlap) {
  const StoredDataset images = open(path_).dataset("images"), labels = open(path_).dataset("labels");

  forge(images.offset, labels.offset + 8);

  expect_refused({"/images", "/labels", "overlap"});
}

TEST_F(HostileShard, IsRefusedWhenAnOffsetIsNearTheLargestNumber) {
  const StoredDataset images = open(path_).dataset("images");

  forge(images.offset, ~std::uint64_t{0} - 3);

  expect_refused({"/images", "pass the end of the file"});
}

TEST(Lookup3, MatchesKnownAnswers) {
  // From the comments and self-test of lookup3.c.
  EXPECT_EQ(lookup3(nullptr, 0), 0xdeadbeefu);
  const std::string text = "Four score and seven years ago";
  EXPECT_EQ(lookup3(reinterpret_cast<const unsigned char*>(text.data()), text.size()), 0x17770551u);
}

}  // namespace
}  // namespace pathline::data
