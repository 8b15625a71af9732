// How the NCCL backend finds its libraries and devices and makes its communicator, and what it says when it cannot.

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/parallel/nccl/standin_library.h"
#include "trainer/parallel/nccl/dynamic_library.h"

namespace pathline::parallel {
namespace {

using test::contains;
using test::error_of;
using test::run_nccl_ranks;
using test::StandIn;
using Seconds = std::chrono::duration<double>;

/// The error of every rank when `ranks` of them start; they agree on it.
std::vector<Error> start_errors(int ranks, double timeout = 0) {
  std::mutex mutex;
  std::vector<Error> errors;
  test::run_ranks(ranks, [&](Communicator& control) {
    const Error error = error_of([&] {
      const auto communicator = make_nccl_communicator(control.duplicate("nccl"), timeout, {});
      const auto channel = communicator->gradient_channel();
    });
    const std::lock_guard lock(mutex);
    errors.push_back(error);
  });
  for (const Error& error : errors) EXPECT_STREQ(error.what(), errors.front().what());
  return errors;
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - begin).count();
}

TEST(NcclStart, MakesAChannelOfAllRanksAndLeavesNothingBehind) {
  const StandIn standin;

  run_nccl_ranks(3, 0, [](Communicator& communicator) {
    EXPECT_EQ(communicator.name(), "nccl");
    const auto channel = communicator.gradient_channel();
    EXPECT_EQ(channel->name(), "nccl");
    EXPECT_EQ(channel->rank(), communicator.rank());
    EXPECT_EQ(channel->size(), 3);
    EXPECT_FALSE(channel->on_host());
  });

  EXPECT_EQ(standin.report().find("leaked"), std::string::npos) << standin.report();
  EXPECT_EQ(standin.report().find("misuse"), std::string::npos) << standin.report();
}

TEST(NcclStart, NamesEveryFunctionThatALibraryLacks) {
  const StandIn standin;
  ::setenv("PATHLINE_NCCL_LIBRARY", PATHLINE_STANDIN_DIR "/libstandin_incomplete.so", 1);

  const Error error = start_errors(1).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "libstandin_incomplete.so"));
  EXPECT_TRUE(contains(error.what(), "ncclGetUniqueId, ncclCommInitRankConfig"));
  EXPECT_TRUE(contains(error.what(), "ncclGroupEnd"));
  EXPECT_TRUE(contains(error.what(), "PATHLINE_NCCL_LIBRARY"));
}

TEST(NcclStart, SaysWhichLibraryIsNotThere) {
  const StandIn standin;
  ::setenv("PATHLINE_NCCL_LIBRARY", "/nowhere/libnccl.so.2", 1);

  const Error error = start_errors(1).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "/nowhere/libnccl.so.2"));
}

TEST(NcclStart, RefusesAnOldNccl) {
  const StandIn standin("version=21705");

  const Error error = start_errors(1).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "2.17.5"));
  EXPECT_TRUE(contains(error.what(), "2.18.0"));
}

TEST(NcclStart, SaysThatThereIsNoDevice) {
  const StandIn standin("devices=0");

  const Error error = start_errors(2).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "no CUDA device"));
}

TEST(NcclStart, RefusesMoreRanksThanDevices) {
  const StandIn standin("devices=2");

  const Error error = start_errors(3).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "3 ranks on this host, but only 2 CUDA devices"));
}

TEST(NcclStart, NamesTheRanksThatShareADeviceBeforeNcclIsAsked) {
  const StandIn standin("pci=same");

  const Error error = start_errors(3).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "ranks 0, 1, 2"));
  EXPECT_TRUE(contains(error.what(), "0000:01:00.0"));
  EXPECT_EQ(standin.report().find("ncclCommInitRankConfig"), std::string::npos);
}

TEST(NcclStart, NamesTheRankWhoseStartFailsOnEveryRankAndDoesNotWaitForTheRest) {
  for (const char* fault : {"init=error@1", "fail=ncclCommInitRankConfig:2:2"}) {
    const StandIn standin(fault);
    std::vector<Error> errors;

    const double seconds = seconds_of([&] { errors = start_errors(2, 60); });

    EXPECT_LT(seconds, 5) << fault;
    EXPECT_EQ(errors.front().code(), ExitCode::peer);
    EXPECT_TRUE(contains(errors.front().what(), "of 2"));
    EXPECT_TRUE(contains(errors.front().what(), "unhandled system error"));
    EXPECT_EQ(standin.report().find("leaked"), std::string::npos) << standin.report();
    EXPECT_EQ(standin.report().find("misuse"), std::string::npos) << standin.report();
  }
}

TEST(NcclStart, ShowsTheLastWordsOfNccl) {
  const StandIn standin("init=error@1");

  const Error error = start_errors(2, 60).front();

  EXPECT_TRUE(contains(error.what(), "rank 1 of 2"));
  EXPECT_TRUE(contains(error.what(), "no route to rank 0"));
}

TEST(NcclStart, EndsByItsDeadlineWhenItIsNeverDone) {
  const StandIn standin("init=hang@1");
  std::vector<Error> errors;

  const double seconds = seconds_of([&] { errors = start_errors(2, 1); });

  EXPECT_LT(seconds, 5);
  EXPECT_EQ(errors.front().code(), ExitCode::peer);
  EXPECT_TRUE(contains(errors.front().what(), "not done after 0.5 s"));
  EXPECT_EQ(standin.report().find("leaked"), std::string::npos) << standin.report();
}

TEST(NcclStart, FailsOnEveryRankWhenTheFirstGetsNoId) {
  const StandIn standin("fail=ncclGetUniqueId:1:2");

  const Error error = start_errors(2).front();

  EXPECT_EQ(error.code(), ExitCode::peer);
  EXPECT_TRUE(contains(error.what(), "rank 0 of 2"));
  EXPECT_TRUE(contains(error.what(), "ncclGetUniqueId failed"));
}

TEST(NcclStart, WithTheRealLibrariesAndNoDeviceSaysSo) {
  ::unsetenv("PATHLINE_NCCL_LIBRARY");
  ::unsetenv("PATHLINE_CUDART_LIBRARY");
  bool found = false;
  for (const std::string& candidate : library_candidates("PATHLINE_NCCL_LIBRARY", "libnccl.so.2")) {
    found = found || ::dlopen(candidate.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE) != nullptr;
  }
  if (!found) GTEST_SKIP() << "no libnccl.so.2";
  if (::access("/dev/nvidiactl", F_OK) == 0) GTEST_SKIP() << "there are devices";

  const Error error = start_errors(1).front();

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "no CUDA device"));
}

}  // namespace
}  // namespace pathline::parallel
