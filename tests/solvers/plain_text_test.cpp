#include "solvers/plain_text.h"

#include <string>

#include <gtest/gtest.h>

namespace pathline::solvers {
namespace {

TEST(PlainText, StaysAsItIs) {
  for (const std::string text : {"", "Heun's method", "größer ≤ 1, 数, 😀"}) {
    EXPECT_TRUE(is_plain_text(text)) << text;
    EXPECT_EQ(plain_text(text), text);
  }
}

TEST(PlainText, LosesWhatATerminalObeys) {
  EXPECT_EQ(plain_text("a\033[2Jb\nc\x7f\td"), "a?[2Jb?c??d");
  EXPECT_EQ(plain_text("C1: \xc2\x9b"
                       "31m"),
            "C1: ??31m");
  EXPECT_FALSE(is_plain_text("two\nlines"));
}

TEST(PlainText, LosesWhatIsNotUtf8) {
  for (const std::string text : {"\xff", "\xc3", "\xe2\x82", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    EXPECT_FALSE(is_plain_text(text));
    EXPECT_EQ(plain_text(text), std::string(text.size(), '?'));
  }
}

TEST(PlainText, IsOfBoundedLength) {
  const std::string most(longest_plain_text, 'x');

  EXPECT_TRUE(is_plain_text(most));
  EXPECT_FALSE(is_plain_text(most + "x"));
  EXPECT_LE(plain_text(most + "x").size(), longest_plain_text);
  EXPECT_TRUE(plain_text(most + "x").ends_with("x…"));
}

}  // namespace
}  // namespace pathline::solvers
