#include "core/error.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"

namespace pathline {
namespace {

using test::contains;

TEST(Error, what_joins_place_message_and_hint) {
  const Error error(ExitCode::usage, "no such key", "run.ini:3", "did you mean steps?");

  EXPECT_STREQ(error.what(), "run.ini:3: no such key\n  hint: did you mean steps?");
}

TEST(Error, what_leaves_empty_parts_out) {
  EXPECT_STREQ(Error(ExitCode::usage, "message").what(), "message");
  EXPECT_STREQ(Error(ExitCode::usage, "message", "place").what(), "place: message");
  EXPECT_STREQ(Error(ExitCode::usage, "message", "", "hint").what(), "message\n  hint: hint");
}

TEST(Error, keeps_its_parts_and_exit_code) {
  const Error error(ExitCode::peer, "message", "place", "hint");

  EXPECT_EQ(error.code(), ExitCode::peer);
  EXPECT_EQ(error.message(), "message");
  EXPECT_EQ(error.place(), "place");
  EXPECT_EQ(error.hint(), "hint");
}

TEST(Error, exit_codes_are_the_documented_ones) {
  EXPECT_EQ(static_cast<int>(ExitCode::ok), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::usage), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::bad_input), 3);
  EXPECT_EQ(static_cast<int>(ExitCode::file_system), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::numerical), 5);
  EXPECT_EQ(static_cast<int>(ExitCode::peer), 6);
  EXPECT_EQ(static_cast<int>(ExitCode::stopped), 75);
}

TEST(SystemError, names_path_reason_and_remedy) {
  const Error error = system_error(ENOSPC, "cannot write the file", "out/samples.h5");

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_EQ(error.place(), "out/samples.h5");
  EXPECT_TRUE(contains(error.message(), "No space left on device"));
  EXPECT_TRUE(contains(error.hint(), "free some space"));
}

TEST(SystemError, common_failures_have_a_hint) {
  for (const int value : {ENOSPC, EDQUOT, EFBIG, EROFS, EACCES, ENOENT, ENOTDIR, EISDIR}) {
    EXPECT_FALSE(system_error(value, "x", "y").hint().empty()) << value;
  }
}

TEST(Shown, replaces_control_characters_and_cuts_long_text) {
  EXPECT_EQ(shown("plain"), "'plain'");
  EXPECT_EQ(shown("a\nb\x1b[31m"), "'a?b?[31m'");
  EXPECT_EQ(shown(std::string(200, 'x')), "'" + std::string(80, 'x') + "...'");
}

}  // namespace
}  // namespace pathline
