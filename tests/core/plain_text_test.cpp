#include "core/plain_text.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"

namespace pathline {
namespace {

TEST(PlainText, ReplacesControlCharactersOfEverySet) {
  EXPECT_EQ(plain_text("a\x1b[31mb\a\b\r\x7f"), "a?[31mb????");
  EXPECT_EQ(plain_text("C1: \xC2\x9B"
                       "31m \xC2\x80 \xC2\x9F"),
            "C1: ?31m ? ?");
  EXPECT_EQ(plain_text(std::string("nul\0nul", 7)), "nul?nul");
}

TEST(PlainText, KeepsLineBreaksAndTabsWhichNamesMayNotHave) {
  EXPECT_EQ(plain_text("a\n\tb"), "a\n\tb");
  EXPECT_EQ(plain_line("a\n\tb"), "a??b");
  EXPECT_EQ(plain_line("a\xE2\x80\xA8z\xE2\x80\xA9"), "a?z?");
}

TEST(PlainText, KeepsEveryScriptAndSign) {
  const std::string text = "Grüße, 数据, данные, π → ½ €, 🙂, \xC2\xA0, \xF4\x8F\xBF\xBF, e\xCC\x81";
  EXPECT_EQ(plain_text(text), text);
  EXPECT_EQ(plain_line(text), text);
}

TEST(PlainText, ReplacesEachByteThatIsNotUtf8) {
  EXPECT_EQ(plain_text("caf\xE9!"), "caf?!");  // Latin-1
  EXPECT_EQ(plain_text("\x9B"                  // C1 as one byte
                       "31m"),
            "?31m");
  EXPECT_EQ(plain_text("\xC0\x9B \xE0\x80\x9B"), "?? ???");  // too long a form of U+001B
  EXPECT_EQ(plain_text("\xED\xA0\x80"), "???");              // a surrogate
  EXPECT_EQ(plain_text("\xF4\x90\x80\x80"), "????");         // beyond U+10FFFF
  EXPECT_EQ(plain_text("cut \xE2\x82"),
            "cut ?"
            "?");  // an end that is missing
}

TEST(PlainText, ReplacesMarksThatTurnTheDirectionOfText) {
  EXPECT_EQ(plain_text("photo\xE2\x80\xAEgnp.exe"), "photo?gnp.exe");
  EXPECT_EQ(plain_text("\xE2\x81\xA6\xE2\x81\xA9\xE2\x80\x8E\xD8\x9C"), "????");
}

TEST(PlainMessage, IndentsWhatFollowsALineBreak) {
  EXPECT_EQ(plain_message("run 'x\npathline: error: forged' failed"), "run 'x\n  pathline: error: forged' failed");
  EXPECT_EQ(plain_message("a\n b\n  c\n    d\n\ne\n"), "a\n  b\n  c\n    d\n\n  e\n");
}

TEST(Shown, IsPlainInOneLineAndEndsAtACharacter) {
  EXPECT_EQ(shown("a\xC2\x9B\x1b\n\xFF"),
            "'a???"
            "?'");
  const std::string euros = [] {
    std::string text(79, 'x');
    for (int i = 0; i < 9; ++i) text += "€";
    return text;
  }();
  EXPECT_EQ(shown(euros), "'" + std::string(79, 'x') + "...'");
}

TEST(Error, APlaceIsOnePlainLineInWhatItSays) {
  const Error error(ExitCode::bad_input, "bad", "data\x1b[2J\nrun.ini:3");

  EXPECT_STREQ(error.what(), "data?[2J?run.ini:3: bad");
  EXPECT_EQ(error.place(), "data\x1b[2J\nrun.ini:3");  // as it is, for who looks the file up
}

}  // namespace
}  // namespace pathline
