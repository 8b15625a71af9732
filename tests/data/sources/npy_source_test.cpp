#include "data/sources/npy_source.h"

#include <cmath>

#include <zip.h>

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

class NpySourceTest : public testing::Test {
 protected:
  void put(const std::string& bytes) { write_bytes(folder_ / "x.npy", bytes); }
  std::unique_ptr<NpySource> open(const ArrayOptions& options = {}, const std::string& labels = "") {
    return std::make_unique<NpySource>(
        NpyInput{folder_ / "x.npy", "", "", labels.empty() ? std::filesystem::path() : folder_ / labels}, options);
  }
  void expect_refused(const std::string& bytes, const std::string& word, const ArrayOptions& options = {}) {
    put(bytes);
    expect_error(ExitCode::bad_input, {"x.npy", word}, [&] {
      const auto source = open(options);
      for (std::uint64_t i = 0; i < source->facts().count; ++i) read_sample(*source, i);
    });
  }
  TemporaryFolder folder_;
};

TEST_F(NpySourceTest, ReadsPictures) {
  put(npy_file("|u1", "(2, 1, 2, 3)", bytes_of_text({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));

  const auto source = open();

  EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 1, 2));
  EXPECT_EQ(source->facts().dtype, "uint8");
  EXPECT_EQ(source->sample_name(1), "x.npy[1]");
  EXPECT_EQ(bytes_of_sample(*source, 1), (std::vector<int>{7, 8, 9, 10, 11, 12}));
}

TEST_F(NpySourceTest, ChannelsFirstBecomeLast) {
  put(npy_file("|u1", "(1, 3, 1, 2)", bytes_of_text({1, 2, 3, 4, 5, 6})));
  ArrayOptions options;
  options.layout = Layout::nchw;

  const auto source = open(options);

  EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 1, 2));
  EXPECT_EQ(bytes_of_sample(*source, 0), (std::vector<int>{1, 3, 5, 2, 4, 6}));
}

TEST_F(NpySourceTest, AsksWhichLayoutIsMeant) {
  put(npy_file("|u1", "(1, 3, 8, 8)", std::string(192, 'x')));

  expect_error(ExitCode::usage, {"[1, 3, 8, 8]", "--layout"}, [&] { open(); });
}

TEST_F(NpySourceTest, FloatsOfEverySizeBecomeFloat32) {
  const auto values = [&](const std::string& descr, const std::string& bytes) {
    put(npy_file(descr, "(1, 1, 3)", bytes));
    const auto source = open();
    EXPECT_EQ(source->facts().dtype, "float32");
    return floats_of_sample(*source, 0);
  };

  // 1.5, the smallest subnormal and the largest number of binary16.
  EXPECT_EQ(values("<f2", as_bytes<std::uint16_t>({0x3e00, 0x0001, 0xfbff})),
            (std::vector<float>{1.5f, std::ldexp(1.0f, -24), -65504.0f}));
  EXPECT_EQ(values("<f4", as_bytes<float>({1.5f, -2, 1e-40f})), (std::vector<float>{1.5f, -2, 1e-40f}));
  EXPECT_EQ(values("<f8", as_bytes<double>({0.1, -2, 3})), (std::vector<float>{0.1f, -2, 3}));
}

TEST_F(NpySourceTest, SaysWhereANumberIsNotFinite) {
  std::vector<float> values(2 * 2 * 3 * 5, 1.0f);
  values[30 + 15 + 5 + 4] = NAN;
  put(npy_file("<f4", "(2, 2, 3, 5)", as_bytes(values)));
  ArrayOptions options;
  options.layout = Layout::nhwc;
  const auto source = open(options);

  EXPECT_NO_THROW(read_sample(*source, 0));
  expect_bad(*source, 1, "nan at row 1, column 1, channel 4: not a finite number");
}

TEST_F(NpySourceTest, RefusesWhatFloat32CannotHold) {
  put(npy_file("<f8", "(1, 1, 2)", as_bytes<double>({0, 1e300})));

  expect_bad(*open(), 0, "row 0, column 1, channel 0: too large for float32");
}

TEST_F(NpySourceTest, ARangeMakesPictures) {
  put(npy_file("<f4", "(2, 1, 4)", as_bytes<float>({-1, 0, 0.5f, 1, 0, 0, 1.01f, 0})));
  ArrayOptions options;
  options.range = ValueRange{-1, 1};

  const auto source = open(options);

  EXPECT_EQ(source->facts().dtype, "uint8");
  EXPECT_EQ(bytes_of_sample(*source, 0), (std::vector<int>{0, 128, 191, 255}));
  expect_bad(*source, 1, "outside --range -1,1");
}

TEST_F(NpySourceTest, RowsOfATableAreVectors) {
  put(npy_file("<f4", "(2, 3)", as_bytes<float>({1, 2, 3, 4, 5, 6})));

  const auto source = open();

  EXPECT_EQ(source->facts().shape, SampleShape::vector(3));
  EXPECT_EQ(floats_of_sample(*source, 1), (std::vector<float>{4, 5, 6}));
}

TEST_F(NpySourceTest, LabelsOfAnyIntegerTypeComeFromASecondFile) {
  put(npy_file("|u1", "(3, 1, 1)", "abc"));
  for (const auto& [descr, bytes] :
       std::vector<std::pair<std::string, std::string>>{{"<i8", as_bytes<std::int64_t>({2, 0, 1})},
                                                        {"|u1", bytes_of_text({2, 0, 1})},
                                                        {"<i4", as_bytes<std::int32_t>({2, 0, 1})}}) {
    write_bytes(folder_ / "y.npy", npy_file(descr, "(3,)", bytes));

    const auto source = open({}, "y.npy");

    EXPECT_EQ(source->facts().class_names.size(), 3u);
    EXPECT_EQ(read_sample(*source, 0).label, 2);
    EXPECT_EQ(read_sample(*source, 2).label, 1);
  }
}

TEST_F(NpySourceTest, RefusesLabelsThatDoNotFit) {
  put(npy_file("|u1", "(3, 1, 1)", "abc"));
  for (const auto& [bytes, word] : std::vector<std::pair<std::string, std::string>>{
           {npy_file("<i8", "(2,)", as_bytes<std::int64_t>({0, 1})), "expected one label per sample (3), found 2"},
           {npy_file("<i8", "(3,)", as_bytes<std::int64_t>({0, -1, 1})), "label -1 at place 1"},
           {npy_file("<f4", "(3,)", as_bytes<float>({0, 1, 2})), "expected integers"},
           {npy_file("|i1", "(3, 2)", "abcdef"), "one per sample"}}) {
    write_bytes(folder_ / "y.npy", bytes);
    expect_error(ExitCode::bad_input, {"y.npy", word}, [&] { open({}, "y.npy"); });
  }
}

TEST_F(NpySourceTest, RefusesHeadersThatAreNotExactlyNumpys) {
  const std::string good = npy_file("|u1", "(2, 1, 1)", "ab");
  expect_refused("\x93NUMPX" + good.substr(6), "not a npy file");
  expect_refused(good.substr(0, 6) + "\x04" + good.substr(7), "npy version 4.0");
  expect_refused(npy_file(">f4", "(1, 1, 1)", "abcd"), "big-endian");
  expect_refused(npy_file("<c8", "(1, 1, 1)", "abcdefgh"), "'<c8'");
  expect_refused(npy_file("|O", "(1, 1, 1)", "abcdefgh"), "'|O'");
  expect_refused(npy_file("<f4", "(1, 2, 2)", std::string(16, 'x'), "True"), "Fortran");
  expect_refused(npy_file("<f4", "(1, 2, 2)", std::string(16, 'x'), "__import__('os')"), "True or False");
  expect_refused(npy_file("|u1", "(2, 1, -1)", "ab"), "damaged");
  expect_refused(npy_file("|u1", "(9999999999, 9999999999, 9999999999)", "ab"), "more values than any file");
  expect_refused(npy_file("|u1", "(4, 100000, 2)", "ab"), "1 to 65536 each");
  expect_refused(npy_file("|u1", "(4, 60000, 60000)", "ab"), "at most 1 GiB");
  expect_refused(npy_file("|u1", "(4, 30000, 30000)", "ab"), "900000000 bytes cannot be in it");
  expect_refused(npy_file("|u1", "()", "a"), "dimensions []");
  expect_refused(npy_file("|u1", "(0, 2, 2)", ""), "no samples");
  expect_refused("\x93NUMPY\x02" + std::string("\0\xff\xff\xff\xff", 5) + "{", "header of 4294967295 bytes");
}

TEST_F(NpySourceTest, EveryCutIsFound) {
  const std::string whole = npy_file("|u1", "(2, 2, 2)", "abcdefgh");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) expect_refused(whole.substr(0, cut), "");
  expect_refused(whole + "x", "more data");
}

TEST_F(NpySourceTest, RefusesPictureOptionsForFields) {
  put(npy_file("<f4", "(1, 2, 2)", std::string(16, '\0')));
  ArrayOptions options;
  options.picture.size = Extent{1, 1};

  expect_error(ExitCode::usage, {"--range"}, [&] { open(options); });
}

class NpzSourceTest : public testing::Test {
 protected:
  void put(const std::vector<std::pair<std::string, std::string>>& members, bool deflate = true) {
    int code = 0;
    zip_t* zip = zip_open(path_.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
    for (const auto& [name, bytes] : members) {
      const auto at = static_cast<zip_uint64_t>(
          zip_file_add(zip, name.c_str(), zip_source_buffer(zip, bytes.data(), bytes.size(), 0), ZIP_FL_ENC_UTF_8));
      zip_set_file_compression(zip, at, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
    }
    ASSERT_EQ(zip_close(zip), 0);
  }
  std::unique_ptr<NpySource> open(const std::string& array = "", const std::string& labels = "") {
    return std::make_unique<NpySource>(NpyInput{path_, array, labels, {}}, ArrayOptions{});
  }
  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "x.npz";
};

TEST_F(NpzSourceTest, FindsTheUsualNames) {
  for (const bool deflate : {false, true}) {
    put({{"y.npy", npy_file("|u1", "(2,)", bytes_of_text({1, 0}))}, {"x.npy", npy_file("|u1", "(2, 1, 2)", "abcd")}},
        deflate);

    const auto source = open();

    EXPECT_EQ(read_sample(*source, 0).label, 1);
    EXPECT_EQ(bytes_of_sample(*source, 1), (std::vector<int>{'c', 'd'}));
  }
}

TEST_F(NpzSourceTest, ReadsArraysByName) {
  put({{"pictures.npy", npy_file("|u1", "(1, 1, 2)", "ab")},
       {"kinds.npy", npy_file("|u1", "(1,)", bytes_of_text({0}))}});

  EXPECT_EQ(read_sample(*open("pictures", "kinds"), 0).label, 0);
  expect_error(ExitCode::bad_input, {"'images'", "pictures.npy", "--dataset"}, [&] { open(); });
  expect_error(ExitCode::bad_input, {"'kind'", "--labels-dataset"}, [&] { open("pictures", "kind"); });
}

TEST_F(NpzSourceTest, DamageOfAMemberIsFound) {
  put({{"x.npy", npy_file("|u1", "(2, 1, 2)", "abcd")}}, false);
  std::string bytes = read_bytes(path_);
  bytes[bytes.find("abcd") + 1] = 'X';
  write_bytes(path_, bytes);
  const auto source = open();

  read_sample(*source, 0);
  expect_error(ExitCode::bad_input, {"x.npz:x.npy", "damaged"}, [&] { read_sample(*source, 1); });
}

}  // namespace
}  // namespace pathline::data
