#include "core/child_process.h"

#include <chrono>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pathline {
namespace {

using namespace std::chrono_literals;

ChildProcess shell(const std::string& script) {
  return {{"/bin/sh", "-c", script}, {.report_channel = true}};
}

ChildProcess::Deadline in(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

TEST(ChildProcess, SendsBytesInPiecesOfAnySize) {
  ChildProcess child = shell("printf abc >&3; sleep 0.2; printf defgh >&3; echo words");
  char first[5] = "", second[4] = "";

  EXPECT_EQ(child.read(in(20s), first, 4), ChildProcess::Event::received);
  EXPECT_EQ(child.read(in(20s), second, 3), ChildProcess::Event::received);

  EXPECT_STREQ(first, "abcd");
  EXPECT_STREQ(second, "efg");
  EXPECT_EQ(child.read(in(20s), second, 3), ChildProcess::Event::ended);  // one byte is left
  EXPECT_TRUE(WIFEXITED(child.status()));
  EXPECT_EQ(child.last_words(), ": words");
}

TEST(ChildProcess, SaysWhichSignalEndedIt) {
  ChildProcess child = shell("kill -SEGV $$");
  char byte;

  EXPECT_EQ(child.read(in(20s), &byte, 1), ChildProcess::Event::ended);

  EXPECT_EQ(describe_end(child.status()), "was ended by signal 11 (Segmentation fault)");
}

TEST(ChildProcess, IsLateAndThenEnded) {
  pid_t pid = 0;
  {
    ChildProcess child = shell("exec sleep 1000");
    pid = child.pid();
    char byte;

    EXPECT_EQ(child.read(in(50ms), &byte, 1), ChildProcess::Event::late);
  }

  EXPECT_EQ(::kill(pid, 0), -1);  // neither running nor a zombie
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

}  // namespace
}  // namespace pathline
