#include "data/sources/hdf5_source.h"

#include <numeric>

#include <zlib.h>

#include "data/hdf5/hdf5_handle.h"
#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

/// How a test dataset is stored; chunk empty: contiguous.
struct Storage {
  std::vector<hsize_t> chunk = {};
  int deflate = -1;
  bool shuffle = false, fletcher = false;
};

class Hdf5SourceTest : public testing::Test {
 protected:
  void SetUp() override { file_ = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT); }
  void TearDown() override { close(); }
  void close() {
    if (file_ >= 0) H5Fclose(file_);
    file_ = -1;
  }
  template <class T>
  void put(const std::string& name, hid_t type, const std::vector<hsize_t>& dims, const std::vector<T>& values,
           const Storage& storage = {}) {
    const Hdf5Handle links{H5Pcreate(H5P_LINK_CREATE), H5Pclose}, how{H5Pcreate(H5P_DATASET_CREATE), H5Pclose};
    H5Pset_create_intermediate_group(links.get(), 1);
    if (!storage.chunk.empty()) H5Pset_chunk(how.get(), static_cast<int>(storage.chunk.size()), storage.chunk.data());
    if (storage.shuffle) H5Pset_shuffle(how.get());
    if (storage.deflate >= 0) H5Pset_deflate(how.get(), static_cast<unsigned>(storage.deflate));
    if (storage.fletcher) H5Pset_fletcher32(how.get());
    const Hdf5Handle space{H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
    const Hdf5Handle set{H5Dcreate2(file_, name.c_str(), type, space.get(), links.get(), how.get(), H5P_DEFAULT),
                         H5Dclose};
    ASSERT_TRUE(set) << name;
    if (!values.empty()) {
      ASSERT_GE(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    }
  }
  std::unique_ptr<Hdf5Source> open(const std::string& dataset = "", const std::string& labels = "",
                                   const ArrayOptions& options = {}) {
    close();
    return std::make_unique<Hdf5Source>(open_hdf5_array({path_, dataset, labels, {}}), options);
  }
  static std::vector<std::uint8_t> counting(std::size_t count) {
    std::vector<std::uint8_t> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return values;
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "foreign.h5";
  hid_t file_ = -1;
};

TEST_F(Hdf5SourceTest, EveryStorageGivesTheSameNumbers) {
  const std::vector<hsize_t> dims = {10, 5, 7, 3};
  std::vector<float> values(10 * 5 * 7 * 3);
  std::iota(values.begin(), values.end(), -100.0f);
  const std::vector<Storage> storages = {{},
                                         {{4, 2, 3, 2}},
                                         {{1, 5, 7, 3}, 6},
                                         {{3, 5, 4, 3}, 6, true},
                                         {{10, 5, 7, 3}, 6, true, true},
                                         {{4, 2, 3, 2}, -1, false, true},
                                         {{3, 3, 7, 1}, -1, true, false}};
  for (std::size_t i = 0; i < storages.size(); ++i)
    put("/set" + std::to_string(i), H5T_IEEE_F32LE, dims, values, storages[i]);

  for (std::size_t i = 0; i < storages.size(); ++i) {
    const auto source = open("/set" + std::to_string(i));

    EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 5, 7));
    std::vector<float> found;
    for (std::uint64_t n = 0; n < 10; ++n) {
      const auto sample = floats_of_sample(*source, n);
      found.insert(found.end(), sample.begin(), sample.end());
    }
    EXPECT_EQ(found, values) << "storage " << i;
  }
}

TEST_F(Hdf5SourceTest, FindsBigGansNamesWithChannelsFirst) {
  put("/imgs", H5T_STD_U8LE, {2, 3, 1, 2}, counting(12), {{2, 3, 1, 2}});
  put("/labels", H5T_STD_I64LE, {2}, std::vector<std::int64_t>{4, 2});

  const auto source = open();

  EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 1, 2));
  EXPECT_EQ(bytes_of_sample(*source, 0), (std::vector<int>{0, 14, 28, 7, 21, 35}));
  EXPECT_EQ(read_sample(*source, 1).label, 2);
  EXPECT_EQ(source->facts().class_names.size(), 5u);
}

TEST_F(Hdf5SourceTest, FindsPcamsLabelsInTheSecondFile) {
  path_ = folder_ / "set_split_train_y.h5";
  SetUp();
  put("/y", H5T_STD_U8LE, {2, 1, 1, 1}, std::vector<std::uint8_t>{1, 0});
  close();
  path_ = folder_ / "set_split_train_x.h5";
  SetUp();
  put("/x", H5T_STD_U8LE, {2, 2, 2, 3}, counting(24), {{1, 2, 2, 3}, 4});

  const auto source = open();

  EXPECT_EQ(read_sample(*source, 0).label, 1);
  EXPECT_EQ(bytes_of_sample(*source, 1)[0], 84);
}

TEST_F(Hdf5SourceTest, FindsRobomimicsPicturesInOrderOfTheDemonstrations) {
  for (const int demo : {10, 2, 1}) {
    put("/data/demo_" + std::to_string(demo) + "/obs/agentview_image", H5T_STD_U8LE, {2, 1, 1, 3},
        std::vector<std::uint8_t>(6, static_cast<std::uint8_t>(demo)));
  }

  const auto source = open();

  EXPECT_EQ(source->facts().count, 6u);
  EXPECT_EQ(bytes_of_sample(*source, 0)[0], 1);
  EXPECT_EQ(bytes_of_sample(*source, 3)[0], 2);
  EXPECT_EQ(bytes_of_sample(*source, 5)[0], 10);
}

TEST_F(Hdf5SourceTest, AsksWhichCameraIsMeant) {
  for (const char* camera : {"agentview", "robot0_eye_in_hand"})
    put("/data/demo_1/obs/" + std::string(camera) + "_image", H5T_STD_U8LE, {1, 1, 1, 3}, counting(3));

  expect_error(ExitCode::usage, {"agentview_image, robot0_eye_in_hand_image", "--dataset"}, [&] { open(); });
  EXPECT_EQ(open("data/*/obs/robot0_eye_in_hand_image")->facts().count, 1u);
}

TEST_F(Hdf5SourceTest, HalfPrecisionBecomesFloat32) {
  const Hdf5Handle half{H5Tcopy(H5T_IEEE_F32LE), H5Tclose};
  H5Tset_fields(half.get(), 15, 10, 5, 0, 10);
  H5Tset_size(half.get(), 2);
  H5Tset_ebias(half.get(), 15);
  put("/f", half.get(), {1, 1, 2}, std::vector<std::uint16_t>{0x3c00, 0xc100});

  EXPECT_EQ(floats_of_sample(*open("/f"), 0), (std::vector<float>{1, -2.5f}));
}

TEST_F(Hdf5SourceTest, ItsArraysMayBeOfIntegers) {
  put("/pose", H5T_STD_I16LE, {3, 2}, std::vector<std::int16_t>{1, -2, 3, -4, 5, -6});
  close();
  const auto array = open_hdf5_array({path_, "pose", "", ""});
  std::vector<std::int16_t> values(4);

  array->read(1, 2, values.data());

  EXPECT_EQ(array->facts().type, NumberType::int16);
  EXPECT_EQ(array->facts().dims, (std::vector<std::uint64_t>{3, 2}));
  EXPECT_EQ(values, (std::vector<std::int16_t>{3, -4, 5, -6}));
}

TEST_F(Hdf5SourceTest, RefusesWhatItDoesNotRead) {
  put("/big", H5T_IEEE_F32BE, {1, 1, 1}, std::vector<float>{1});
  put("/ints", H5T_STD_I16LE, {1, 1, 1}, std::vector<std::int16_t>{1});
  put("/one", H5T_STD_U8LE, {3}, counting(3));
  put("/empty", H5T_STD_U8LE, {1, 2, 2}, std::vector<std::uint8_t>{});
  put("/holes", H5T_STD_U8LE, {4, 2, 2}, std::vector<std::uint8_t>{}, {{1, 2, 2}});
  put("/absurd", H5T_STD_U8LE, {1, 65536, 65536}, std::vector<std::uint8_t>{}, {{1, 65536, 65535}});
  put("/bomb", H5T_STD_U8LE, {1, 16000, 16000}, std::vector<std::uint8_t>{}, {{1, 16000, 16000}});
  H5Lcreate_soft("/one", file_, "/soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("other.h5", "/x", file_, "/external", H5P_DEFAULT, H5P_DEFAULT);

  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/big", "big-endian"},
      {"/ints", "int16"},
      {"/one", "dimensions [3]"},
      {"/empty", "never written"},
      {"/absurd", "1 GiB"},
      {"/soft", "soft"},
      {"/external", "external"},
      {"/none", "no such object"},
      {"/no*", "no object of this name"},
      {"/bomb", "[1, 16000, 16000] values cannot be in a file of"}};
  for (const auto& [object, word] : cases) {
    expect_error(ExitCode::bad_input, {"foreign.h5", word}, [&] { open(object); });
  }
  expect_error(ExitCode::bad_input, {"/holes", "the chunk at [0, 0, 0] was never written"},
               [&] { read_sample(*open("/holes"), 0); });
  expect_error(ExitCode::usage, {"--dataset"}, [&] { open(); });
  expect_error(ExitCode::file_system, {"nowhere.h5"}, [&] { open_hdf5_array({folder_ / "nowhere.h5", "", "", {}}); });
}

TEST_F(Hdf5SourceTest, AChunkThatInflatesBeyondItsSizeIsStopped) {
  // A chunk of 16 bytes is replaced by one that inflates to 1 MB.
  put("/bomb", H5T_STD_U8LE, {1, 4, 4}, counting(16), {{1, 4, 4}, 6});
  {
    const std::string zeros(1000000, '\0');
    std::vector<unsigned char> packed(2000);
    uLongf size = packed.size();
    ASSERT_EQ(compress(packed.data(), &size, reinterpret_cast<const Bytef*>(zeros.data()), zeros.size()), Z_OK);
    const Hdf5Handle set{H5Dopen2(file_, "/bomb", H5P_DEFAULT), H5Dclose};
    const hsize_t offset[3] = {0, 0, 0};
    ASSERT_GE(H5Dwrite_chunk(set.get(), H5P_DEFAULT, 0, offset, size, packed.data()), 0);
  }

  expect_error(ExitCode::bad_input, {"/bomb", "inflates beyond the 16 bytes"}, [&] { read_sample(*open("/bomb"), 0); });
}

TEST_F(Hdf5SourceTest, DamageInAChunkWithAChecksumIsFound) {
  put("/x", H5T_STD_U8LE, {1, 40, 40}, counting(1600), {{1, 40, 40}, -1, false, true});
  close();
  const std::string bytes = read_bytes(path_);
  const auto values = counting(1600);
  const std::size_t at = bytes.find(std::string(values.begin(), values.end()));
  ASSERT_NE(at, std::string::npos);
  flip(path_, at + 777);

  expect_error(ExitCode::bad_input, {"/x", "damaged", "checksum"}, [&] { read_sample(*open("/x"), 0); });
}

}  // namespace
}  // namespace pathline::data
