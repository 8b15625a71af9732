#include "core/error.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"

namespace pathline {
namespace {

using test::contains;

TEST(Error, WhatJoinsPlaceMessageAndHint) {
  const Error error(ExitCode::usage, "no such key", "run.ini:3", "did you mean steps?");

  EXPECT_STREQ(error.what(), "run.ini:3: no such key\n  hint: did you mean steps?");
}

TEST(Error, WhatLeavesEmptyPartsOut) {
  EXPECT_STREQ(Error(ExitCode::usage, "message").what(), "message");
  EXPECT_STREQ(Error(ExitCode::usage, "message", "place").what(), "place: message");
  EXPECT_STREQ(Error(ExitCode::usage, "message", "", "hint").what(), "message\n  hint: hint");
}

TEST(Error, KeepsItsPartsAndExitCode) {
  const Error error(ExitCode::peer, "message", "place", "hint");

  EXPECT_EQ(error.code(), ExitCode::peer);
  EXPECT_EQ(error.message(), "message");
  EXPECT_EQ(error.place(), "place");
  EXPECT_EQ(error.hint(), "hint");
}

TEST(Error, ExitCodesAreTheDocumentedOnes) {
  EXPECT_EQ(static_cast<int>(ExitCode::ok), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::usage), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::bad_input), 3);
  EXPECT_EQ(static_cast<int>(ExitCode::file_system), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::numerical), 5);
  EXPECT_EQ(static_cast<int>(ExitCode::peer), 6);
  EXPECT_EQ(static_cast<int>(ExitCode::stopped), 75);
}

TEST(SystemError, NamesPathReasonAndRemedy) {
  const Error error = system_error(ENOSPC, "cannot write the file", "out/samples.h5");

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_EQ(error.place(), "out/samples.h5");
  EXPECT_TRUE(contains(error.message(), "No space left on device"));
  EXPECT_TRUE(contains(error.hint(), "free some space"));
}

TEST(SystemError, CommonFailuresHaveAHint) {
  for (const int value : {ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, ENOENT, ENOTDIR, EISDIR}) {
    EXPECT_FALSE(system_error(value, "x", "y").hint().empty()) << value;
  }
}

TEST(Shown, ReplacesControlCharactersAndCutsLongText) {
  EXPECT_EQ(shown("plain"), "'plain'");
  EXPECT_EQ(shown("a\nb\x1b[31m"), "'a?b?[31m'");
  EXPECT_EQ(shown(std::string(200, 'x')), "'" + std::string(80, 'x') + "...'");
}

}  // namespace
}  // namespace pathline
