#include "core/hash.h"

#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

// FIPS 180-4 examples.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, MatchesPublishedDigests) {
  EXPECT_EQ(sha256_hex("", 0), kEmpty);
  EXPECT_EQ(sha256_hex("abc", 3), kAbc);
}

TEST(Sha256, DoesNotDependOnHowTheBytesAreCut) {
  const std::string text(1'000'000, 'a');
  Sha256 hash;

  for (std::size_t at = 0, piece = 1; at < text.size(); at += piece, piece = piece * 3 + 1) {
    piece = std::min(piece, text.size() - at);
    hash.update(text.data() + at, piece);
  }

  EXPECT_EQ(hash.hex(), kMillion);
}

TEST(Sha256, SurvivesBeingMoved) {
  Sha256 first;
  first.update("ab", 2);

  Sha256 second = std::move(first);
  second.update("c", 1);

  EXPECT_EQ(second.hex(), kAbc);
}

TEST(Sha256, CannotGoOnAfterTheEnd) {
  Sha256 hash;
  hash.hex();

  EXPECT_THROW(hash.update("a", 1), std::logic_error);
  EXPECT_THROW(hash.hex(), std::logic_error);
}

TEST(Sha256File, HashesAFileLargerThanItsBuffer) {
  const test::TemporaryFolder folder;
  const std::string contents(3'000'001, 'q');
  std::ofstream(folder / "file") << contents;

  EXPECT_EQ(sha256_file(folder / "file"), sha256_hex(contents.data(), contents.size()));
}

TEST(Sha256File, MissingFileIsAFileSystemError) {
  const test::TemporaryFolder folder;

  const Error error = test::error_of([&] { sha256_file(folder / "none"); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(test::contains(error.place(), "none"));
}

TEST(Xxh3, MatchesPublishedValues) {
  EXPECT_EQ(xxh3_64("", 0), 0x2d06800538d394c2u);  // the test vector of the xxHash specification for no input, seed 0
  EXPECT_NE(xxh3_64("abc", 3), xxh3_64("abd", 3));
}

}  // namespace
}  // namespace pathline
