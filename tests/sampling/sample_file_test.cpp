#include "sampling/sample_file.h"

#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "data/hdf5/hdf5_handle.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::sampling {
namespace {

using data::expect_error;
using data::Hdf5Handle;
using data::Hdf5Scope;
using data::TemporaryFolder;

/// Three samples of two channels, 2 x 3 pixels, and a picture.
struct Samples {
  data::ImageShape shape{2, 2, 3};
  std::vector<float> raw = std::vector<float>(36), initial = std::vector<float>(36);
  std::vector<std::uint8_t> images = std::vector<std::uint8_t>(36);
  std::vector<std::int64_t> labels = {4, -1, 9}, ids = {100, 101, 102};
  std::vector<std::uint8_t> gray = std::vector<std::uint8_t>(4 * 5), color = std::vector<std::uint8_t>(4 * 5 * 3);

  Samples() {
    for (std::size_t i = 0; i < 36; ++i) {
      raw[i] = static_cast<float>(i) / 18.0f - 1.0f;
      initial[i] = std::sin(static_cast<float>(i));
    }
    std::iota(gray.begin(), gray.end(), std::uint8_t{0});
    std::iota(color.begin(), color.end(), std::uint8_t{100});
    const std::vector<double> half = {127.5, 127.5};
    to_uint8(raw, shape, half, half, images);
  }
  SampleFile file(bool in_color = false) const {
    SampleFile file;
    file.count = 3;
    file.shape = shape;
    file.images = images;
    file.raw = raw;
    file.initial = initial;
    file.labels = labels;
    file.ids = ids;
    file.preview = in_color ? PictureView{4, 5, 3, color} : PictureView{4, 5, 1, gray};
    file.attributes = {
        {"solver", std::string("heun")}, {"rtol", 1e-3}, {"steps", std::int64_t{20}}, {"note", std::string("größer")}};
    return file;
  }
};

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : file_{H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose} {
    EXPECT_TRUE(file_) << path;
  }
  template <typename T>
  std::vector<T> values(const char* name, hid_t type, const std::vector<hsize_t>& dims) {
    Hdf5Handle set{H5Dopen2(file_.get(), name, H5P_DEFAULT), H5Dclose};
    Hdf5Handle space{H5Dget_space(set.get()), H5Sclose};
    std::vector<hsize_t> found(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.get())));
    H5Sget_simple_extent_dims(space.get(), found.data(), nullptr);
    EXPECT_EQ(found, dims) << name;
    std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
    EXPECT_GE(H5Dread(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    return values;
  }
  bool has(const char* name) { return H5Lexists(file_.get(), name, H5P_DEFAULT) > 0; }
  /// A fixed-length string attribute; "" if absent, "variable" if of variable length.
  std::string text(const char* object, const char* name) {
    if (H5Aexists_by_name(file_.get(), object, name, H5P_DEFAULT) <= 0) return "";
    Hdf5Handle attribute{H5Aopen_by_name(file_.get(), object, name, H5P_DEFAULT, H5P_DEFAULT), H5Aclose};
    Hdf5Handle type{H5Aget_type(attribute.get()), H5Tclose};
    if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) > 0) return "variable";
    std::string text(H5Tget_size(type.get()), '\0');
    H5Aread(attribute.get(), type.get(), text.data());
    return text.c_str();
  }
  template <typename T>
  T number(const char* object, const char* name, hid_t type) {
    Hdf5Handle attribute{H5Aopen_by_name(file_.get(), object, name, H5P_DEFAULT, H5P_DEFAULT), H5Aclose};
    T value{};
    EXPECT_GE(H5Aread(attribute.get(), type, &value), 0) << name;
    return value;
  }

 private:
  Hdf5Scope scope_;
  Hdf5Handle file_;
};

TEST(SampleFile, HoldsWhatWasGiven) {
  TemporaryFolder folder;
  const Samples samples;

  write_sample_file(folder / "samples.h5", samples.file());

  OpenFile file(folder / "samples.h5");
  EXPECT_EQ(file.values<std::uint8_t>("/samples/images", H5T_NATIVE_UINT8, {3, 2, 3, 2}), samples.images);
  EXPECT_EQ(file.values<float>("/samples/raw", H5T_NATIVE_FLOAT, {3, 2, 2, 3}), samples.raw);
  EXPECT_EQ(file.values<float>("/samples/initial", H5T_NATIVE_FLOAT, {3, 2, 2, 3}), samples.initial);
  EXPECT_EQ(file.values<std::int64_t>("/samples/labels", H5T_NATIVE_INT64, {3}), samples.labels);
  EXPECT_EQ(file.values<std::int64_t>("/samples/id", H5T_NATIVE_INT64, {3}), samples.ids);
  EXPECT_EQ(file.values<std::uint8_t>("/preview/grid", H5T_NATIVE_UINT8, {4, 5}), samples.gray);
}

TEST(SampleFile, KeepsDoublePrecision) {
  TemporaryFolder folder;
  const Samples samples;
  std::vector<double> raw(36), initial(36);
  for (std::size_t i = 0; i < 36; ++i) {
    raw[i] = 1 + static_cast<double>(i) * 1e-15;
    initial[i] = std::sqrt(static_cast<double>(i));
  }
  SampleFile written = samples.file();
  written.raw = raw;
  written.initial = initial;

  write_sample_file(folder / "samples.h5", written);

  OpenFile file(folder / "samples.h5");
  EXPECT_EQ(file.values<double>("/samples/raw", H5T_NATIVE_DOUBLE, {3, 2, 2, 3}), raw);
  EXPECT_EQ(file.values<double>("/samples/initial", H5T_NATIVE_DOUBLE, {3, 2, 2, 3}), initial);
  const InitialNoise noise = read_initial_noise((folder / "samples.h5").string() + ":/samples/initial", samples.shape);
  EXPECT_EQ(std::get<std::vector<double>>(noise.values), initial);
}

TEST(SampleFile, CarriesItsProvenance) {
  TemporaryFolder folder;
  const Samples samples;

  write_sample_file(folder / "samples.h5", samples.file());

  OpenFile file(folder / "samples.h5");
  EXPECT_EQ(file.text("/", "format"), "pathline-samples");
  EXPECT_EQ(file.number<std::int64_t>("/", "format_version", H5T_NATIVE_INT64), 1);
  EXPECT_EQ(file.text("/", "solver"), "heun");
  EXPECT_EQ(file.text("/", "note"), "größer");
  EXPECT_EQ(file.number<double>("/", "rtol", H5T_NATIVE_DOUBLE), 1e-3);
  EXPECT_EQ(file.number<std::int64_t>("/", "steps", H5T_NATIVE_INT64), 20);
}

TEST(SampleFile, PreviewIsAnHdf5Image) {
  TemporaryFolder folder;
  const Samples samples;

  write_sample_file(folder / "gray.h5", samples.file(false));
  write_sample_file(folder / "color.h5", samples.file(true));

  OpenFile gray(folder / "gray.h5"), color(folder / "color.h5");
  EXPECT_EQ(gray.text("/preview/grid", "CLASS"), "IMAGE");
  EXPECT_EQ(gray.text("/preview/grid", "IMAGE_VERSION"), "1.2");
  EXPECT_EQ(gray.text("/preview/grid", "IMAGE_SUBCLASS"), "IMAGE_GRAYSCALE");
  EXPECT_EQ(gray.text("/preview/grid", "DISPLAY_ORIGIN"), "UL");
  EXPECT_EQ(gray.number<std::uint8_t>("/preview/grid", "IMAGE_WHITE_IS_ZERO", H5T_NATIVE_UINT8), 0);
  EXPECT_EQ(color.text("/preview/grid", "IMAGE_SUBCLASS"), "IMAGE_TRUECOLOR");
  EXPECT_EQ(color.text("/preview/grid", "INTERLACE_MODE"), "INTERLACE_PIXEL");
  EXPECT_EQ(color.values<std::uint8_t>("/preview/grid", H5T_NATIVE_UINT8, {4, 5, 3}), samples.color);
}

TEST(SampleFile, LeavesOutWhatIsEmpty) {
  TemporaryFolder folder;
  const Samples samples;
  SampleFile given = samples.file();
  given.raw = {};
  given.preview = {};

  write_sample_file(folder / "samples.h5", given);

  OpenFile file(folder / "samples.h5");
  EXPECT_FALSE(file.has("/samples/raw"));
  EXPECT_FALSE(file.has("/preview"));
  EXPECT_TRUE(file.has("/samples/images"));
}

TEST(SampleFile, ReplacesAnOlderFile) {
  TemporaryFolder folder;
  data::write_bytes(folder / "samples.h5", "old");

  write_sample_file(folder / "samples.h5", Samples().file());

  EXPECT_TRUE(OpenFile(folder / "samples.h5").has("/samples/images"));
}

TEST(SampleFile, RefusesFoldersThatAreMissing) {
  TemporaryFolder folder;

  expect_error(ExitCode::file_system, {"nowhere"},
               [&] { write_sample_file(folder / "nowhere/samples.h5", Samples().file()); });
}

TEST(SampleFile, RefusesSpansThatDoNotFit) {
  TemporaryFolder folder;
  const Samples samples;
  SampleFile file = samples.file();
  file.count = 4;

  EXPECT_THROW(write_sample_file(folder / "samples.h5", file), std::logic_error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// to_uint8
// ------------------------------------------------------------------------------------------------------------------------

std::vector<std::uint8_t> converted(const std::vector<float>& raw, const data::ImageShape& shape,
                                    const std::vector<double>& mean, const std::vector<double>& scale) {
  std::vector<std::uint8_t> out(raw.size());
  to_uint8(raw, shape, mean, scale, out);
  return out;
}

TEST(ToUint8, UndoesTheNormalisationOfEveryByte) {
  std::vector<float> raw;
  std::vector<std::uint8_t> bytes;
  for (int value = 0; value < 256; ++value) {
    raw.push_back((static_cast<float>(value) - 127.5f) / 127.5f);
    bytes.push_back(static_cast<std::uint8_t>(value));
  }

  EXPECT_EQ(converted(raw, {1, 16, 16}, {127.5}, {127.5}), bytes);
}

TEST(ToUint8, ClampsAndRoundsHalvesToEven) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

  EXPECT_EQ(converted({-5, 7, inf, -inf, nan, 0.5, 1.5, 2.5, 254.5, -0.4f, 0.51f, 255.4f}, {1, 3, 4}, {0}, {1}),
            (std::vector<std::uint8_t>{0, 7, 255, 0, 0, 0, 2, 2, 254, 0, 1, 255}));
}

TEST(ToUint8, TurnsChannelPlanesIntoPixelsWithAScalePerChannel) {
  // Two images of two channels, 1 x 3 pixels.
  const std::vector<float> raw = {1, 2, 3, 10, 20, 30, 4, 5, 6, 40, 50, 60};

  EXPECT_EQ(converted(raw, {2, 1, 3}, {0, 100}, {1, 2}),
            (std::vector<std::uint8_t>{1, 120, 2, 140, 3, 160, 4, 180, 5, 200, 6, 220}));
}

// Noise for --initial
// --------------------------------------------------------------------------------------------------------------

class InitialNoiseTest : public testing::Test {
 protected:
  /// A file as h5py would write it, with one dataset of zeros at /noise unless `build` says otherwise.
  void write(const std::function<void(hid_t)>& build) {
    const Hdf5Scope scope;
    Hdf5Handle file{H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose};
    build(file.get());
  }
  static void add(hid_t file, hid_t type, const std::vector<hsize_t>& dims, const void* values,
                  bool compressed = false) {
    Hdf5Handle space{H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
    Hdf5Handle properties{H5Pcreate(H5P_DATASET_CREATE), H5Pclose};
    if (compressed) {
      H5Pset_chunk(properties.get(), static_cast<int>(dims.size()), dims.data());
      H5Pset_shuffle(properties.get());
      H5Pset_deflate(properties.get(), 3);
    }
    Hdf5Handle set{H5Dcreate2(file, "/noise", type, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT), H5Dclose};
    ASSERT_TRUE(set);
    if (values == nullptr) return;
    ASSERT_GE(H5Dwrite(set.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
  }
  std::string place() const { return path_.string() + ":/noise"; }
  void expect_refused(const std::vector<std::string>& words) {
    expect_error(ExitCode::bad_input, words, [&] { read_initial_noise(place(), shape_); });
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "noise.h5";
  data::ImageShape shape_{2, 2, 3};
  std::vector<float> floats_ = Samples().initial;
};

TEST_F(InitialNoiseTest, ComesFromAnEarlierSampleFile) {
  const Samples samples;
  write_sample_file(path_, samples.file());

  const InitialNoise noise = read_initial_noise(path_.string() + ":/samples/initial", shape_);

  EXPECT_EQ(noise.count, 3);
  EXPECT_EQ(std::get<std::vector<float>>(noise.values), samples.initial);
}

TEST_F(InitialNoiseTest, KeepsDoublePrecision) {
  std::vector<double> doubles(36, 1.0 / 3);
  write([&](hid_t file) { add(file, H5T_IEEE_F64LE, {3, 2, 2, 3}, doubles.data()); });

  EXPECT_EQ(std::get<std::vector<double>>(read_initial_noise(place(), shape_).values), doubles);
}

TEST_F(InitialNoiseTest, MayBeChunkedAndCompressed) {
  write([&](hid_t file) { add(file, H5T_IEEE_F32LE, {3, 2, 2, 3}, floats_.data(), true); });

  EXPECT_EQ(std::get<std::vector<float>>(read_initial_noise(place(), shape_).values), floats_);
}

TEST_F(InitialNoiseTest, RefusesMalformedPlaces) {
  for (const std::string text : {"noise.h5", ":/noise", "noise.h5:/", "noise.h5:noise", ""}) {
    expect_error(ExitCode::usage, {"FILE.h5:/dataset"}, [&] { read_initial_noise(text, shape_); });
  }
}

TEST_F(InitialNoiseTest, RefusesMissingAndForeignFiles) {
  expect_error(ExitCode::file_system, {"noise.h5", "no such file"}, [&] { read_initial_noise(place(), shape_); });
  data::write_bytes(path_, "plain text");
  expect_refused({"noise.h5", "HDF5 cannot open"});
}

TEST_F(InitialNoiseTest, ForgedMetadataEndInAnError) {
  const std::string forged = PATHLINE_SOURCE_DIR "/tests/data/forged/images_links.h5:/images";

  expect_error(ExitCode::bad_input, {"images_links.h5", "was ended by signal"},
               [&] { read_initial_noise(forged, shape_); });
}

TEST_F(InitialNoiseTest, RefusesMissingDatasets) {
  write([](hid_t) {});

  expect_refused({":/noise", "no such object", "h5ls"});
}

TEST_F(InitialNoiseTest, RefusesOtherShapes) {
  write([&](hid_t file) { add(file, H5T_IEEE_F32LE, {3, 3, 2, 2}, floats_.data()); });

  expect_refused({"[N, 2, 2, 3]", "[3, 3, 2, 2]"});
}

TEST_F(InitialNoiseTest, RefusesOtherTypes) {
  const std::vector<std::int64_t> numbers(36);
  write([&](hid_t file) { add(file, H5T_STD_I64LE, {3, 2, 2, 3}, numbers.data()); });

  expect_refused({"float32 or float64", "int64"});
}

TEST_F(InitialNoiseTest, RefusesNumbersThatAreNotFinite) {
  floats_[7] = std::numeric_limits<float>::quiet_NaN();
  write([&](hid_t file) { add(file, H5T_IEEE_F32LE, {3, 2, 2, 3}, floats_.data()); });

  expect_refused({"value 7", "nan", "finite"});
}

TEST_F(InitialNoiseTest, RefusesDatasetsNeverWritten) {
  write([&](hid_t file) { add(file, H5T_IEEE_F32LE, {3, 2, 2, 3}, nullptr); });

  expect_refused({":/noise", "never written"});
}

// A file of some KiB that declares 96 TB must not be taken at its word.
TEST_F(InitialNoiseTest, RefusesImplausibleSizes) {
  write([&](hid_t file) {
    const std::vector<hsize_t> dims = {hsize_t{1} << 40, 2, 2, 3}, chunk = {1, 2, 2, 3};
    Hdf5Handle space{H5Screate_simple(4, dims.data(), nullptr), H5Sclose},
        one{H5Screate_simple(4, chunk.data(), nullptr), H5Sclose};
    Hdf5Handle properties{H5Pcreate(H5P_DATASET_CREATE), H5Pclose};
    H5Pset_chunk(properties.get(), 4, chunk.data());
    Hdf5Handle set{H5Dcreate2(file, "/noise", H5T_IEEE_F32LE, space.get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT),
                   H5Dclose};
    const hsize_t start[4] = {0, 0, 0, 0};
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, chunk.data(), nullptr);
    ASSERT_GE(H5Dwrite(set.get(), H5T_IEEE_F32LE, one.get(), space.get(), H5P_DEFAULT, floats_.data()), 0);
  });

  expect_refused({"not plausible"});
}

TEST_F(InitialNoiseTest, RefusesLinks) {
  write([&](hid_t file) {
    Hdf5Handle group{H5Gcreate2(file, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose};
    H5Lcreate_external("other.h5", "/noise", file, "/noise", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/group", file, "/link", H5P_DEFAULT, H5P_DEFAULT);
  });

  expect_refused({":/noise", "link"});
  expect_error(ExitCode::bad_input, {":/link", "link"},
               [&] { read_initial_noise(path_.string() + ":/link/noise", shape_); });
}

TEST(ByteMapping, UndoesImagesAndShowsFieldsToThreeDeviations) {
  const ByteMapping image = byte_mapping("uint8", {127.5, 10.0}, {127.5, 2.0});
  const ByteMapping field = byte_mapping("float32", {1e6}, {1e-3});

  EXPECT_EQ(image.byte(-1.0F, 0), 0);
  EXPECT_EQ(image.byte(3.0F, 1), 16);
  EXPECT_EQ(field.byte(-3.0F, 0), 0);
  EXPECT_EQ(field.byte(0.0F, 0), 128);  // 127.5, halves to even
  EXPECT_EQ(field.byte(3.0F, 0), 255);
  EXPECT_EQ(field.byte(std::numeric_limits<float>::quiet_NaN(), 0), 0);
}

TEST(ToDataUnits, UndoesWhatTheReaderDid) {
  const std::vector<double> mean = {300.25, -2.0}, scale = {12.5, 0.001};
  std::vector<float> values = {0.0F, 1.0F, -2.0F, 10.0F};  // one sample of two channels, one row of two

  to_data_units(values, {2, 1, 2}, mean, scale);

  EXPECT_EQ(values, (std::vector<float>{300.25F, 312.75F, -2.002F, -1.99F}));
  EXPECT_THROW(to_data_units(values, {3, 1, 1}, mean, scale), std::logic_error);
}

}  // namespace
}  // namespace pathline::sampling
