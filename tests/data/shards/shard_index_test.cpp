// Vectors in the index; what it says of images is tested with ShardSet.

#include "data/shards/shard_index.h"

#include "core/hash.h"
#include "data/shards/shard_set.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

DatasetInfo vectors_info() {
  DatasetInfo info = small_info({5, 1, 1}, "float32");
  info.kind = SampleKind::vector;
  return info;
}

TEST(VectorIndex, IsFormatVersionTwoWithAListAsShape) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", 7, 3, vectors_info());

  const std::string text = read_bytes(folder / "set/index.json");
  const DatasetInfo info = read_index(folder / "set");

  EXPECT_NE(text.find("\"format_version\": 2"), std::string::npos) << text;
  EXPECT_EQ(info.kind, SampleKind::vector);
  EXPECT_EQ(info.shape, (ImageShape{5, 1, 1}));
  EXPECT_EQ(info.samples_path(), "/rows");
  EXPECT_EQ(info.samples_dims(3), (std::vector<unsigned long long>{3, 5}));
  EXPECT_EQ(index_text(info), text);
}

TEST(VectorIndex, VectorsOpenAsAnySet) {
  const TemporaryFolder folder;
  const DatasetInfo info = write_small_set(folder / "set", 7, 3, vectors_info());

  const ShardSet set = ShardSet::open(folder / "set", true);
  std::vector<std::byte> row(set.sample_bytes());
  set.read_sample(6, row.data());

  EXPECT_EQ(row, small_sample(info, 6));
}

TEST(VectorIndex, ImagesKeepFormatVersionOne) {
  const TemporaryFolder folder;
  for (const char* dtype : {"uint8", "float32"}) {
    write_small_set(folder / dtype, 3, 3, small_info({4, 2, 2}, dtype));

    EXPECT_EQ(read_index(folder / dtype).format_version, 1);
  }
}

TEST(VectorIndex, RefusesShapesThatAreNotOneNumber) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", 3, 3, vectors_info());
  const std::string text = read_bytes(folder / "set/index.json");
  const std::string good = "\"shape\": [\n    5\n  ]";
  ASSERT_NE(text.find(good), std::string::npos);
  for (const char* shape : {"[]", "[5, 5]", "[0]", "[70000]", "[\"5\"]", "5", "{\"columns\": 5}"}) {
    std::string edited = text;
    edited.replace(edited.find(good), good.size(), std::string("\"shape\": ") + shape);
    const std::size_t sum = edited.rfind("\"checksum\": \"") + 13;
    edited.replace(sum, 16, std::string(16, '0'));
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx",
                  static_cast<unsigned long long>(xxh3_64(edited.data(), edited.size())));
    edited.replace(sum, 16, digits);
    write_bytes(folder / "set/index.json", edited);

    expect_error(ExitCode::bad_input, {"shape"}, [&] { read_index(folder / "set"); });
  }
}

TEST(VectorIndex, VectorsMustBeFloats) {
  const TemporaryFolder folder;
  DatasetInfo info = small_info({5, 1, 1}, "uint8");
  info.kind = SampleKind::vector;

  expect_error(ExitCode::usage, {"float32"}, [&] { ShardWriter(folder / "set", info, 3); });
}

}  // namespace
}  // namespace pathline::data
