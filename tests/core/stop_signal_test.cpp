#include "core/stop_signal.h"

#include <csignal>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/regular_file.h"
#include "tests/core/expect_error.h"
#include "tests/core/in_child.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::succeeds_in_child;

TEST(StopSignal, NotesEachSignalThatAsksForAStop) {
  for (const int number : {SIGUSR1, SIGTERM, SIGINT}) {
    const StopSignal stop;
    EXPECT_FALSE(stop.requested());

    std::raise(number);

    EXPECT_TRUE(stop.requested());
    EXPECT_NE(stop.name().find("SIG"), std::string::npos);
  }
}

TEST(StopSignal, LetsASecondInterruptEndTheProcess) {
  const pid_t child = fork();
  if (child == 0) {
    const StopSignal stop;
    std::raise(SIGINT);
    std::raise(SIGINT);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);

  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST(StopSignal, ATerminalThatGoesAwayIsARequestToStop) {
  EXPECT_TRUE(succeeds_in_child([] {
    std::signal(SIGHUP, SIG_DFL);
    const StopSignal stop;
    std::raise(SIGHUP);
    return stop.requested() && stop.name() == "SIGHUP";
  }));
}

TEST(StopSignal, UnderNohupItStaysIgnored) {
  EXPECT_TRUE(succeeds_in_child([] {
    std::signal(SIGHUP, SIG_IGN);
    const StopSignal stop;
    std::raise(SIGHUP);
    return !stop.requested();
  }));
}

TEST(StopSignal, ALaterOneSharesWhatTheFirstHasNoted) {
  const StopSignal first;
  std::raise(SIGTERM);

  const StopSignal second;

  EXPECT_TRUE(second.requested());
  EXPECT_EQ(second.name(), "SIGTERM");
}

TEST(StopSignal, TheLastToGoPutsTheOldHandlersBack) {
  EXPECT_TRUE(succeeds_in_child([] {
    std::signal(SIGTERM, SIG_IGN);
    {
      std::optional<StopSignal> first(std::in_place);
      const StopSignal second;
      first.reset();
      std::raise(SIGTERM);
      if (!second.requested()) return false;
    }
    struct sigaction now {};
    sigaction(SIGTERM, nullptr, &now);
    return now.sa_handler == SIG_IGN && !StopSignal().requested();
  }));
}

TEST(ReadInput, AWaitForASilentWriterEndsWhenAskedToStop) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const FileDescriptor reading(ends[0]), writing(ends[1]);
  const StopSignal stop;
  std::thread asker([] {
    ::usleep(50'000);
    ::kill(::getpid(), SIGTERM);
  });

  const Error error = error_of([&] { read_input("/dev/fd/" + std::to_string(reading.get()), 1000); });
  asker.join();

  EXPECT_EQ(error.code(), ExitCode::stopped);
  EXPECT_TRUE(contains(error.message(), "SIGTERM"));
}

}  // namespace
}  // namespace pathline
