// A confined helper leaves nothing behind, and gets no more than its limits. Every process below is one of a known
// small number and ends by itself within two minutes.

#include "core/confinement.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/core/processes.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr Confinement roomy{
    .memory_bytes = std::uint64_t{1} << 32, .file_bytes = 1 << 20, .processor_time = 60s, .processes = 64};

/// Runs `work` in a confined process, which ends with what it returns. Returns the keeper's process id.
pid_t start_confined(const Confinement& limits, const std::function<int()>& work) {
  const pid_t keeper = ::fork();
  if (keeper == 0) {
    confine_this_process(limits);
    ::_exit(work());
  }
  return keeper;
}

int shell(const std::string& script) {
  ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
  return 127;
}

int status_of(pid_t process) {
  int status = -1;
  EXPECT_EQ(::waitpid(process, &status, 0), process);
  return status;
}

/// Eventually, at most in a minute.
bool becomes(std::size_t count, const std::string& argument) {
  for (int looks = 0; looks < 6000; ++looks) {
    if (test::processes_with_argument(argument) == count) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

class ConfinedProcesses : public testing::Test {
 protected:
  // An argument that no other process has: its fraction is this one's id.
  const std::string nap = fmt::format("100.{:07}", ::getpid());
  /// Eight sessions of their own, whose parents are gone at once, with two sleepers each.
  const std::string sixteen =
      fmt::format("for i in 1 2 3 4 5 6 7 8; do (setsid sh -c 'sleep {0} & sleep {0}; :' &); done; ", nap);
};

TEST_F(ConfinedProcesses, EndWithTheHelperWhereverTheyWent) {
  const pid_t keeper = start_confined(roomy, [&] { return shell(sixteen + "sleep 0.3; exit 7"); });

  const int status = status_of(keeper);

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  EXPECT_EQ(test::processes_with_argument(nap), 0u);
}

TEST_F(ConfinedProcesses, EndWhenTheKeeperIsAskedTo) {
  const pid_t keeper = start_confined(roomy, [&] { return shell(sixteen + "wait; sleep " + nap); });
  ASSERT_TRUE(becomes(17, nap));

  ::kill(keeper, SIGTERM);

  EXPECT_EQ(WTERMSIG(status_of(keeper)), SIGTERM);
  EXPECT_EQ(test::processes_with_argument(nap), 0u);
}

TEST_F(ConfinedProcesses, EndWithTheProgramThatStartedThem) {
  const pid_t starter = ::fork();
  if (starter == 0) {
    start_confined(roomy, [&] { return shell(sixteen + "wait; sleep " + nap); });
    ::pause();
    ::_exit(0);
  }
  ASSERT_TRUE(becomes(17, nap));

  ::kill(starter, SIGKILL);
  status_of(starter);

  EXPECT_TRUE(becomes(0, nap));
}

TEST_F(ConfinedProcesses, OfWhichThereMayBeNoneAreNotStarted) {
  Confinement none = roomy;
  none.processes = 0;
  const pid_t keeper = start_confined(none, [&] { return shell("sleep " + nap + "; exit 7"); });

  const int status = status_of(keeper);

  EXPECT_TRUE(started_too_many_processes(status)) << status;
  EXPECT_EQ(test::processes_with_argument(nap), 0u);
}

TEST_F(ConfinedProcesses, OfWhichThereAreTooManyAreEnded) {
  Confinement few = roomy;
  few.processes = 6;
  const pid_t keeper = start_confined(few, [&] { return shell(sixteen + "wait; sleep " + nap); });

  const int status = status_of(keeper);

  EXPECT_TRUE(started_too_many_processes(status)) << status;
  EXPECT_EQ(test::processes_with_argument(nap), 0u);
}

TEST_F(ConfinedProcesses, MayHaveThreads) {
  Confinement none = roomy;
  none.processes = 0;
  const pid_t keeper = start_confined(none, [] {
    int answer = 0;
    std::thread([&] { answer = 42; }).join();
    return answer;
  });

  const int status = status_of(keeper);

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status;
}

TEST_F(ConfinedProcesses, AreHeldToTheirProcessorTime) {
  Confinement short_time = roomy;
  short_time.processor_time = 1s;
  const pid_t keeper = start_confined(short_time, [] { return shell("while :; do :; done"); });

  EXPECT_EQ(WTERMSIG(status_of(keeper)), SIGXCPU);
}

TEST_F(ConfinedProcesses, WriteNoLargerFilesThanTheyMay) {
  const test::TemporaryFolder folder;
  const std::string file = (folder.path() / "large").string();
  const pid_t keeper =
      start_confined(roomy, [&] { return shell("exec dd if=/dev/zero bs=65536 count=64 of=" + file); });

  EXPECT_EQ(WTERMSIG(status_of(keeper)), SIGXFSZ);
  EXPECT_EQ(fs::file_size(file), roomy.file_bytes);
}

}  // namespace
}  // namespace pathline
