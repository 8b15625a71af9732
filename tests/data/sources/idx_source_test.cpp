#include "data/sources/idx_source.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string images_file(std::uint32_t count, std::uint32_t height, std::uint32_t width) {
  std::string text = big_endian(0x803) + big_endian(count) + big_endian(height) + big_endian(width);
  for (std::uint32_t i = 0; i < count * height * width; ++i) text += static_cast<char>(i * 13);
  return text;
}

std::string labels_file(const std::vector<int>& labels) {
  std::string text = big_endian(0x801) + big_endian(static_cast<std::uint32_t>(labels.size()));
  for (const int label : labels) text += static_cast<char>(label);
  return text;
}

void write_gzip(const std::filesystem::path& path, const std::string& bytes) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
  ASSERT_EQ(gzclose(file), Z_OK);
}

class IdxSourceTest : public testing::Test {
 protected:
  void write(const std::string& images, const std::string& labels) {
    write_bytes(folder_ / "train-images-idx3-ubyte", images);
    write_bytes(folder_ / "train-labels-idx1-ubyte", labels);
  }
  std::unique_ptr<IdxSource> open(const std::string& name = "digits", const std::string& split = "train") {
    return std::make_unique<IdxSource>(find_idx_files(folder_.path(), split), ArrayOptions{}, name);
  }
  void read_all() {
    const auto source = open();
    for (std::uint64_t i = 0; i < source->facts().count; ++i) read_sample(*source, i);
  }
  /// That the source gives images_file(3, 4, 5) with labels 7, 0, 9.
  static void expect_three_images(IdxSource& source) {
    EXPECT_EQ(source.facts().count, 3u);
    EXPECT_EQ(source.facts().shape, SampleShape::picture(1, 4, 5));
    std::string all;
    std::vector<std::int64_t> labels;
    for (std::uint64_t i = 0; i < 3; ++i) {
      const Sample sample = read_sample(source, i);
      all.append(reinterpret_cast<const char*>(sample.values.data()), sample.values.size());
      labels.push_back(sample.label);
    }
    EXPECT_EQ(all, images_file(3, 4, 5).substr(16));
    EXPECT_EQ(labels, (std::vector<std::int64_t>{7, 0, 9}));
  }
  TemporaryFolder folder_;
};

TEST_F(IdxSourceTest, ReadsPlainFiles) {
  write(images_file(3, 4, 5), labels_file({7, 0, 9}));

  const auto source = open();

  expect_three_images(*source);
}

TEST_F(IdxSourceTest, ReadsGzippedFiles) {
  write_gzip(folder_ / "t10k-images-idx3-ubyte.gz", images_file(3, 4, 5));
  write_gzip(folder_ / "t10k-labels-idx1-ubyte.gz", labels_file({7, 0, 9}));

  const auto source = open("digits", "test");

  expect_three_images(*source);
}

TEST_F(IdxSourceTest, ResumesInTheMiddle) {
  write(images_file(3, 4, 5), labels_file({7, 0, 9}));
  const auto source = open();

  const Sample last = read_sample(*source, 2);

  EXPECT_EQ(std::string(reinterpret_cast<const char*>(last.values.data()), 20), images_file(3, 4, 5).substr(16 + 40));
}

TEST_F(IdxSourceTest, AnImagesFileNamesItsLabelsFile) {
  write_bytes(folder_ / "emnist-letters-images-idx3-ubyte", images_file(2, 2, 2));
  write_bytes(folder_ / "emnist-letters-labels-idx1-ubyte", labels_file({1, 26}));

  const IdxSource source(find_idx_files(folder_ / "emnist-letters-images-idx3-ubyte", "train"), {}, "letters");

  EXPECT_EQ(source.facts().count, 2u);
  EXPECT_EQ(source.facts().class_names.size(), 27u);
}

TEST_F(IdxSourceTest, NamesFashionClassesWhereRecognised) {
  write(images_file(2, 2, 2), labels_file({0, 9}));

  EXPECT_EQ(open("Fashion-MNIST")->facts().class_names.at(9), "Ankle boot");
  EXPECT_EQ(open("mnist")->facts().class_names.at(9), "9");
}

TEST_F(IdxSourceTest, RefusesLabelsThatFashionDoesNotHave) {
  write(images_file(2, 2, 2), labels_file({0, 10}));

  expect_error(ExitCode::bad_input, {"train-labels", "label 10", "place 1", "0 to 9"}, [&] { open("fashion-mnist"); });
}

TEST_F(IdxSourceTest, RefusesMissingPathsAndFiles) {
  expect_error(ExitCode::file_system, {"nowhere", "dataset-fashion-mnist"},
               [&] { find_idx_files(folder_ / "nowhere", "train"); });
  expect_error(ExitCode::bad_input, {"train-images-idx3-ubyte"}, [&] { find_idx_files(folder_.path(), "train"); });
  write_bytes(folder_ / "train-images-idx3-ubyte", images_file(2, 2, 2));
  expect_error(ExitCode::bad_input, {"train-labels-idx1-ubyte"}, [&] { find_idx_files(folder_.path(), "train"); });
  expect_error(ExitCode::file_system, {"train-labels-idx1-ubyte", "missing"},
               [&] { find_idx_files(folder_ / "train-images-idx3-ubyte", "train"); });
  write_bytes(folder_ / "data.bin", "x");
  expect_error(ExitCode::bad_input, {"data.bin", "images"}, [&] { find_idx_files(folder_ / "data.bin", "train"); });
}

TEST_F(IdxSourceTest, RefusesOtherMagicNumbers) {
  write("PK\3\4 this is a zip file", labels_file({0}));

  expect_error(ExitCode::bad_input, {"train-images", "0x00000803", "0x504b0304"}, [&] { open(); });
}

TEST_F(IdxSourceTest, SaysWhenImagesAndLabelsAreSwapped) {
  write(labels_file({0, 1}), images_file(2, 2, 2));

  expect_error(ExitCode::bad_input, {"swapped"}, [&] { open(); });
}

TEST_F(IdxSourceTest, RefusesCountsThatDiffer) {
  write(images_file(3, 2, 2), labels_file({0, 1}));

  expect_error(ExitCode::bad_input, {"train-labels", "(3)", "found 2"}, [&] { open(); });
}

TEST_F(IdxSourceTest, RefusesEveryTruncation) {
  const std::string images = images_file(3, 2, 2), labels = labels_file({0, 1, 2});
  for (std::size_t bytes = 0; bytes < images.size(); ++bytes) {
    write(images.substr(0, bytes), labels);
    expect_error(ExitCode::bad_input, {"train-images", "the file ends in"}, [&] { read_all(); });
  }
  for (std::size_t bytes = 0; bytes < labels.size(); ++bytes) {
    write(images, labels.substr(0, bytes));
    expect_error(ExitCode::bad_input, {"train-labels", "the file ends in"}, [&] { read_all(); });
  }
}

TEST_F(IdxSourceTest, RefusesEveryTruncationOfGzippedFiles) {
  write_gzip(folder_ / "whole.gz", images_file(30, 4, 4));
  const std::string whole = read_bytes(folder_ / "whole.gz");
  write_bytes(folder_ / "train-labels-idx1-ubyte", labels_file(std::vector<int>(30, 1)));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    write_bytes(folder_ / "train-images-idx3-ubyte.gz", whole.substr(0, bytes));

    expect_error(ExitCode::bad_input, {"train-images"}, [&] { read_all(); });
  }
}

TEST_F(IdxSourceTest, DetectsDamageInGzippedFiles) {
  write_gzip(folder_ / "whole.gz", images_file(30, 4, 4));
  const std::string whole = read_bytes(folder_ / "whole.gz");
  write_bytes(folder_ / "train-labels-idx1-ubyte", labels_file(std::vector<int>(30, 1)));
  for (std::size_t at = 12; at < whole.size(); ++at) {  // the ten bytes before are a header without a checksum
    std::string damaged = whole;
    damaged[at] ^= 2;
    write_bytes(folder_ / "train-images-idx3-ubyte.gz", damaged);

    expect_error(ExitCode::bad_input, {"train-images"}, [&] { read_all(); });
  }
}

TEST_F(IdxSourceTest, RefusesMoreDataThanTheHeaderSays) {
  write(images_file(3, 2, 2) + "x", labels_file({0, 1, 2}));
  expect_error(ExitCode::bad_input, {"train-images", "more data"}, [&] { read_all(); });

  write(images_file(3, 2, 2), labels_file({0, 1, 2}) + "x");
  expect_error(ExitCode::bad_input, {"train-labels", "more data"}, [&] { open(); });
}

TEST_F(IdxSourceTest, RefusesHeadersThatWouldFillTheMemory) {
  write(big_endian(0x803) + big_endian(0xffffffff) + big_endian(28) + big_endian(28),
        big_endian(0x801) + big_endian(0xffffffff));
  expect_error(ExitCode::bad_input, {"train-labels", "the file ends in"}, [&] { open(); });

  write(big_endian(0x803) + big_endian(1) + big_endian(0xffffffff) + big_endian(0xffffffff), labels_file({0}));
  expect_error(ExitCode::bad_input, {"4294967295"}, [&] { open(); });

  write(big_endian(0x803) + big_endian(1) + big_endian(30000) + big_endian(30000), labels_file({0}));
  expect_error(ExitCode::bad_input, {"900000000 bytes", "at most 16"}, [&] { open(); });
}

TEST_F(IdxSourceTest, RefusesEmptySets) {
  write(images_file(0, 2, 2), labels_file({}));

  expect_error(ExitCode::bad_input, {"no images"}, [&] { open(); });
}

}  // namespace
}  // namespace pathline::data
