#include "data/read/reading_config.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"

namespace pathline::data {
namespace {

class ReadingKeys : public testing::Test {
 protected:
  ReadingKeys() { declare_fields<ReadingConfig>(schema_); }
  Config parsed(const std::string& ini) const { return Config::parse_text(schema_, "[data]\n" + ini, "run.ini"); }
  ReadingConfig read(const std::string& ini) const { return read_fields<ReadingConfig>(parsed(ini)); }
  ConfigSchema schema_;
};

TEST_F(ReadingKeys, TakeEveryValue) {
  const ReadingConfig config = read(
      "shards = a/b\nthreads = 3\nprefetch = 7\nprefetch_mib = 2\ncache_mib = 0\nbackend = hdf5\nshuffle = "
      "windowed:1600\n");

  EXPECT_EQ(config.shards, "a/b");
  EXPECT_EQ(config.threads, 3);
  EXPECT_EQ(config.prefetch, 7);
  EXPECT_EQ(config.prefetch_bytes(), 2U << 20);
  EXPECT_EQ(config.cache_bytes(), 0U);
  EXPECT_EQ(config.backend, ReadBackend::hdf5);
  EXPECT_EQ(config.shuffle.window, 1600U);
}

TEST_F(ReadingKeys, RefuseAShuffleThatIsNone) {
  for (const char* text : {"windowed:15", "windowed", "window:1600", "globally"}) {
    const Error error = test::error_of([&] { parsed(std::string("shuffle = ") + text + "\n"); });

    EXPECT_EQ(error.place(), "run.ini:2: data.shuffle");
    EXPECT_TRUE(test::contains(error.message(), "expected global or windowed:N with N of at least 16"));
  }
}

TEST_F(ReadingKeys, WantAFolderOfShards) {
  const Config config = parsed("");

  const Error error = test::error_of([&] { read_fields<ReadingConfig>(config).check(config); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "data.shards");
}

}  // namespace
}  // namespace pathline::data
