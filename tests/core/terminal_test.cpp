#include "core/terminal.h"

#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "tests/core/expect_error.h"
#include "tests/core/in_child.h"

namespace pathline {
namespace {

using test::contains;
using test::succeeds_in_child;

/// What `action` writes to `fd`, 1 or 2.
template <class Action>
std::string written_to(int fd, Action&& action) {
  fd == 1 ? testing::internal::CaptureStdout() : testing::internal::CaptureStderr();
  action();
  return fd == 1 ? testing::internal::GetCapturedStdout() : testing::internal::GetCapturedStderr();
}

/// `fd` becomes the end of a pipe that nobody reads.
void lose_reader_of(int fd) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  if (::pipe(ends) != 0) ::_exit(9);
  ::close(ends[0]);
  ::dup2(ends[1], fd);
}

TEST(PrintOut, TextForPeopleIsPlainAndKeepsItsLines) {
  EXPECT_EQ(written_to(1, [] { print_out("a\x1b[2J\n\tb\n"); }), "a?[2J\n\tb\n");
}

TEST(PrintData, IsByteForByteWhereAProgramReadsIt) {
  EXPECT_EQ(written_to(1, [] { print_data("{\"name\":\"\xC2\x9B\x7f\"}\n"); }), "{\"name\":\"\xC2\x9B\x7f\"}\n");
}

TEST(PrintErr, IsPlain) {
  EXPECT_EQ(written_to(2, [] { print_err("bad name '\x1b]0;owned\a'\n"); }), "bad name '?]0;owned?'\n");
}

TEST(Log, MessagesArePlainAndForgeNoSecondLine) {
  const std::string text = written_to(2, [] {
    setup_logging(0, 1);
    log_warning("class 'x\x1b[31m\n12:00:00 info trained to step 9' is odd");
  });

  EXPECT_TRUE(contains(text, "class 'x?[31m\n  12:00:00 info trained"));
}

TEST(FinishOutput, AReaderThatWentAwayIsNoError) {
  EXPECT_TRUE(succeeds_in_child([] {
    lose_reader_of(1);
    for (int i = 0; i < 100; ++i) print_out("a line of results\n");
    finish_output();
    return true;
  }));
}

TEST(FinishOutput, AFullDiskIsOneWithTheReason) {
  EXPECT_TRUE(succeeds_in_child([] {
    ::dup2(::open("/dev/full", O_WRONLY), 1);
    print_out("results\n");
    try {
      finish_output();
    } catch (const Error& error) {
      return error.code() == ExitCode::file_system && error.place() == "standard output" &&
             error.message().find("No space left") != std::string::npos;
    }
    return false;
  }));
}

TEST(PrintErr, AndTheLogDoNotCareWhoReads) {
  EXPECT_TRUE(succeeds_in_child([] {
    lose_reader_of(2);
    print_err("message\n");
    draw_line("progress");
    clear_line();
    log_warning("warning");
    return true;
  }));
}

}  // namespace
}  // namespace pathline
