// Vectors and sequences in the index; what it says of images is tested with ShardSet.

#include "data/shards/shard_index.h"

#include "core/hash.h"
#include "data/shards/shard_set.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

DatasetInfo vectors_info() {
  return small_info(SampleShape::vector(5), "float32");
}

DatasetInfo sequences_info() {
  return small_info(SampleShape::sequence(4, 3), "float32");
}

/// Puts another text in place of `good` in the index, which gets a fitting checksum, as someone with intent would do.
void edit_index(const std::filesystem::path& file, std::string text, const std::string& good,
                const std::string& replacement) {
  ASSERT_NE(text.find(good), std::string::npos) << text;
  text.replace(text.find(good), good.size(), replacement);
  const std::size_t sum = text.rfind("\"checksum\": \"") + 13;
  text.replace(sum, 16, std::string(16, '0'));
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(xxh3_64(text.data(), text.size())));
  write_bytes(file, text.replace(sum, 16, digits));
}

TEST(VectorIndex, IsFormatVersionTwoWithAListAsShape) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", 7, 3, vectors_info());

  const std::string text = read_bytes(folder / "set/index.json");
  const DatasetInfo info = read_index(folder / "set");

  EXPECT_NE(text.find("\"format_version\": 2"), std::string::npos) << text;
  EXPECT_EQ(info.shape, SampleShape::vector(5));
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
    write_small_set(folder / dtype, 3, 3, small_info(SampleShape::picture(4, 2, 2), dtype));

    EXPECT_EQ(read_index(folder / dtype).format_version, 1);
  }
}

TEST(VectorIndex, RefusesShapesThatAreNotOneNumber) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", 3, 3, vectors_info());
  const std::string text = read_bytes(folder / "set/index.json");
  for (const char* shape : {"[]", "[5, 5]", "[0]", "[70000]", "[\"5\"]", "5", "{\"columns\": 5}"}) {
    edit_index(folder / "set/index.json", text, "\"shape\": [\n    5\n  ]", std::string("\"shape\": ") + shape);

    expect_error(ExitCode::bad_input, {"shape"}, [&] { read_index(folder / "set"); });
  }
}

TEST(VectorIndex, VectorsMustBeFloats) {
  const TemporaryFolder folder;
  const DatasetInfo info = small_info(SampleShape::vector(5), "uint8");

  expect_error(ExitCode::usage, {"float32"}, [&] { ShardWriter(folder / "set", info, 3); });
}

TEST(SequenceIndex, IsFormatVersionThreeWithTwoNumbersAsShape) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", 7, 3, sequences_info());

  const std::string text = read_bytes(folder / "set/index.json");
  const DatasetInfo info = read_index(folder / "set");

  EXPECT_NE(text.find("\"format_version\": 3"), std::string::npos) << text;
  EXPECT_EQ(info.shape, SampleShape::sequence(4, 3));
  EXPECT_EQ(info.mean.size(), 3u);  // one per column, whatever the step
  EXPECT_EQ(info.samples_path(), "/sequences");
  EXPECT_EQ(info.samples_dims(2), (std::vector<unsigned long long>{2, 4, 3}));
  EXPECT_EQ(index_text(info), text);
}

TEST(SequenceIndex, SequencesOpenAsAnySet) {
  const TemporaryFolder folder;
  const DatasetInfo info = write_small_set(folder / "set", 7, 3, sequences_info());

  const ShardSet set = ShardSet::open(folder / "set", true);
  std::vector<std::byte> sequence(set.sample_bytes());
  set.read_sample(6, sequence.data());

  EXPECT_EQ(sequence, small_sample(info, 6));
}

TEST(SequenceIndex, RefusesShapesThatAreNoSequence) {
  const TemporaryFolder folder;
  write_small_set(folder / "set", 3, 3, sequences_info());
  const std::string text = read_bytes(folder / "set/index.json");
  for (const char* shape : {"[]", "[4, 3, 1]", "[0, 3]", "[4, 70000]", "[4, \"3\"]", "4", "{\"steps\": 4}"}) {
    edit_index(folder / "set/index.json", text, "\"shape\": [\n    4,\n    3\n  ]", std::string("\"shape\": ") + shape);

    expect_error(ExitCode::bad_input, {"shape"}, [&] { read_index(folder / "set"); });
  }
}

TEST(SequenceIndex, SequencesMustBeFloats) {
  const TemporaryFolder folder;
  const DatasetInfo info = small_info(SampleShape::sequence(4, 3), "uint8");

  expect_error(ExitCode::usage, {"sequences", "float32"}, [&] { ShardWriter(folder / "set", info, 3); });
}

}  // namespace
}  // namespace pathline::data
