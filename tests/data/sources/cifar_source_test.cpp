#include "data/sources/cifar_source.h"

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

/// One record: the label bytes, then 1,024 bytes each of red, green and blue.
std::string record(std::initializer_list<int> labels, int red, int green, int blue) {
  return bytes_of_text(labels) + std::string(1024, static_cast<char>(red)) +
         std::string(1024, static_cast<char>(green)) + std::string(1024, static_cast<char>(blue));
}

class CifarSourceTest : public testing::Test {
 protected:
  std::unique_ptr<CifarSource> open(int classes, const std::string& split = "train") {
    return std::make_unique<CifarSource>(folder_.path(), classes, split, ArrayOptions{});
  }
  void put_cifar10() {
    for (int i = 1; i <= 5; ++i)
      write_bytes(folder_ / ("data_batch_" + std::to_string(i) + ".bin"),
                  record({i}, i, 10 * i, 20 * i) + record({0}, 0, 0, i));
  }
  TemporaryFolder folder_;
};

TEST_F(CifarSourceTest, ReadsTheFiveBatchesInOrder) {
  put_cifar10();
  write_bytes(folder_ / "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");

  const auto source = open(10);

  EXPECT_EQ(source->facts().count, 10u);
  EXPECT_EQ(source->facts().shape, SampleShape::picture(3, 32, 32));
  EXPECT_EQ(source->facts().class_names.at(9), "j");
  const auto pixels = bytes_of_sample(*source, 4);  // the first one of the third file
  EXPECT_EQ((std::vector<int>{pixels[0], pixels[1], pixels[2], pixels[3071]}), (std::vector<int>{3, 30, 60, 60}));
  EXPECT_EQ(read_sample(*source, 6).label, 4);
}

TEST_F(CifarSourceTest, Cifar100HasItsFineLabels) {
  write_bytes(folder_ / "test.bin", record({3, 99}, 1, 2, 3));

  const auto source = open(100, "test");

  EXPECT_EQ(source->facts().class_names.size(), 100u);
  EXPECT_EQ(read_sample(*source, 0).label, 99);
}

TEST_F(CifarSourceTest, RefusesTruncatedFilesAndWrongLabels) {
  put_cifar10();
  write_bytes(folder_ / "data_batch_3.bin", record({1}, 1, 2, 3).substr(1));
  expect_error(ExitCode::bad_input, {"data_batch_3.bin", "3072 bytes", "records of 3073"}, [&] { open(10); });
  write_bytes(folder_ / "data_batch_3.bin", record({10}, 1, 2, 3));
  expect_error(ExitCode::bad_input, {"label 10 at place 4", "0 to 9"}, [&] { open(10); });
}

TEST_F(CifarSourceTest, SaysThatPicklesAreNotRead) {
  write_bytes(folder_ / "data_batch_1", "\x80\x02}q");

  expect_error(ExitCode::bad_input, {"data_batch_1.bin", "pickled"}, [&] { open(10); });
}

TEST_F(CifarSourceTest, RefusesMissingPaths) {
  expect_error(ExitCode::file_system, {"nowhere"}, [&] { CifarSource(folder_ / "nowhere", 10, "train", {}); });
}

}  // namespace
}  // namespace pathline::data
