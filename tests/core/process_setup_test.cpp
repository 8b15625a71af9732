#include "core/process_setup.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/core/in_child.h"

namespace pathline {
namespace {

using test::succeeds_in_child;

TEST(SetUpProcess, FillsClosedStandardDescriptors) {
  EXPECT_TRUE(succeeds_in_child([] {
    for (int fd = 0; fd <= 2; ++fd) ::close(fd);
    set_up_process();
    // Then: they are open, on /dev/null, and the next file gets a number above them.
    struct stat null {};
    bool all = ::stat("/dev/null", &null) == 0;
    for (int fd = 0; fd <= 2; ++fd) {
      struct stat found {};
      all = all && ::fstat(fd, &found) == 0 && found.st_rdev == null.st_rdev;
    }
    return all && ::open("/proc/self/comm", O_RDONLY) > 2;
  }));
}

TEST(SetUpProcess, LeavesOpenDescriptorsAlone) {
  EXPECT_TRUE(succeeds_in_child([] {
    int ends[2];
    if (::pipe(ends) != 0 || ::dup2(ends[1], 1) != 1) return false;
    ::close(0);
    set_up_process();
    char byte = 0;
    return ::write(1, "x", 1) == 1 && ::read(ends[0], &byte, 1) == 1 && byte == 'x';
  }));
}

TEST(SetUpProcess, MakesAWriteToNobodyFailInsteadOfKilling) {
  EXPECT_TRUE(succeeds_in_child([] {
    set_up_process();
    int ends[2];
    if (::pipe(ends) != 0) return false;
    ::close(ends[0]);
    return ::write(ends[1], "x", 1) == -1 && errno == EPIPE;
  }));
}

TEST(SetUpProcess, RaisesTheSoftLimitOfOpenFilesToTheHardOne) {
  EXPECT_TRUE(succeeds_in_child([] {
    rlimit limit{64, 200};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    set_up_process();
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 200 && limit.rlim_max == 200;
  }));
}

TEST(SetUpProcess, TightensOnlyAUmaskThatLetsEverybodyWrite) {
  for (const auto& [given, expected] :
       {std::pair{000, 022}, std::pair{020, 022}, std::pair{002, 002}, std::pair{022, 022}, std::pair{077, 077}}) {
    EXPECT_TRUE(succeeds_in_child([given = given, expected = expected] {
      ::umask(static_cast<mode_t>(given));
      set_up_process();
      return ::umask(0) == static_cast<mode_t>(expected);
    })) << given;
  }
}

}  // namespace
}  // namespace pathline
