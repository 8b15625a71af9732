// Single flipped bits, anywhere in a set: all are found by `shards verify`, and those in images while training. The
// places are drawn, always the same. PATHLINE_BIT_FLIPS=2000 draws more than the build machine's two hundred.

#include <cstdlib>

#include <gtest/gtest.h>

#include "core/random.h"
#include "data/read/reader.h"
#include "data/shards/verify_shards.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

class BitFlips : public testing::Test {
 protected:
  static constexpr std::uint64_t images = 24;

  void SetUp() override {
    info_ = write_small_set(folder_ / "set", images, 9, small_info(SampleShape::picture(3, 8, 8)));
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "set")) {
      files_.push_back(entry.path());
      sizes_.push_back(entry.file_size());
    }
    const char* asked = std::getenv("PATHLINE_BIT_FLIPS");
    flips_ = asked != nullptr ? std::atoi(asked) : 200;
  }
  std::uint64_t below(std::uint64_t limit) { return draws_.bits64() % limit; }

  TemporaryFolder folder_;
  DatasetInfo info_;
  std::vector<std::filesystem::path> files_;
  std::vector<std::uint64_t> sizes_;
  int flips_ = 0;
  RandomStream draws_{1, Purpose::validation, 0, 0};
};

TEST_F(BitFlips, AnywhereAreAllFoundByVerify) {
  int found = 0;
  for (int i = 0; i < flips_; ++i) {
    const std::size_t file = below(files_.size());
    const std::uint64_t at = below(sizes_[file]);
    const int mask = 1 << below(8);
    flip(files_[file], at, mask);

    std::string said;
    try {
      const ShardReport report = verify_shards(folder_ / "set", {}, 1);
      if (!report.problems.empty()) said = report.problems.front();
    } catch (const Error& error) {  // the index itself
      ASSERT_EQ(static_cast<int>(error.code()), 3) << error.what();
      said = error.what();
    }

    EXPECT_NE(said.find(files_[file].filename().string()), std::string::npos)
        << "byte " << at << " of " << files_[file] << ", mask " << mask << ": " << said;
    found += said.empty() ? 0 : 1;
    flip(files_[file], at, mask);
  }
  EXPECT_EQ(found, flips_);
}

TEST_F(BitFlips, InImagesAreAllFoundWhileReading) {
  for (const std::uint64_t cache_bytes : {std::uint64_t{0}, std::uint64_t{1} << 30}) {
    OpenOptions options;
    options.cache_bytes = cache_bytes;
    ReaderOptions reading;
    reading.plan = {images, images, 0, 1};
    for (int i = 0; i < flips_ / 2; ++i) {
      const std::uint64_t id = below(images);
      const auto path = folder_ / "set" / info_.shards[id / 9].file;
      const auto image = small_sample(info_, id);
      const std::size_t start =
          read_bytes(path).find(std::string(reinterpret_cast<const char*>(image.data()), image.size()));
      ASSERT_NE(start, std::string::npos);
      const std::uint64_t at = start + below(image.size());
      const int mask = 1 << below(8);
      flip(path, at, mask);

      const ShardSet set = ShardSet::open(folder_ / "set", options);
      Reader reader(set, reading);
      expect_error(ExitCode::bad_input, {"sample " + std::to_string(id) + " is damaged"}, [&] { reader.next(); });

      flip(path, at, mask);
    }
  }
}

}  // namespace
}  // namespace pathline::data
