#include "core/progress_line.h"

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <termios.h>
#include <unistd.h>

namespace pathline {
namespace {

using std::chrono::hours;

TEST(ProgressLine, ComesAtOnceAndThenAfterItsPause) {
  testing::internal::CaptureStderr();
  ProgressLine line(true, hours(1));
  EXPECT_TRUE(line.due());

  line.show("half");

  EXPECT_FALSE(line.due());
  EXPECT_TRUE(testing::internal::GetCapturedStderr().ends_with(" half\n"));
}

TEST(ProgressLine, IsNeverDueWhereItIsNotEnabled) {
  testing::internal::CaptureStderr();
  ProgressLine line(false, hours(0));

  line.show("half");

  EXPECT_FALSE(line.due());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

constexpr const char* kNoTerminal = "this system gives no pseudo-terminal";

/// What `work` writes to stderr where that is a terminal; kNoTerminal where none can be had.
template <typename Work>
std::string on_a_terminal(Work&& work) {
  const int ours = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (ours < 0 || ::grantpt(ours) != 0 || ::unlockpt(ours) != 0) return kNoTerminal;
  const int theirs = ::open(::ptsname(ours), O_RDWR | O_NOCTTY);
  termios settings{};
  ::tcgetattr(theirs, &settings);
  ::cfmakeraw(&settings);
  ::tcsetattr(theirs, TCSANOW, &settings);
  const int before = ::dup(STDERR_FILENO);
  ::dup2(theirs, STDERR_FILENO);
  work();
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  ::fcntl(ours, F_SETFL, O_NONBLOCK);
  std::string text(4096, '\0');
  const ssize_t bytes = ::read(ours, text.data(), text.size());
  text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  ::close(theirs);
  ::close(ours);
  return text;
}

TEST(ProgressLine, RenewsItselfOnATerminal) {
  const std::string text = on_a_terminal([] {
    ProgressLine line(true, hours(1));
    line.show("one third");
    line.show("half");
  });

  if (text == kNoTerminal) GTEST_SKIP() << text;
  EXPECT_EQ(text, "\rone third\033[K\rhalf\033[K\n");
}

TEST(ProgressLine, IsTakenAwayFromATerminal) {
  const std::string text = on_a_terminal([] {
    ProgressLine line(true, hours(1));
    line.show("half");
    line.erase();
  });

  if (text == kNoTerminal) GTEST_SKIP() << text;
  EXPECT_EQ(text, "\rhalf\033[K\r\033[K");
}

}  // namespace
}  // namespace pathline
