#include "core/descendants.h"

#include <algorithm>
#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pathline {
namespace {

/// A child that has a child; both only wait, until this test ends them.
class TwoGenerations : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const pid_t grandchild = ::fork();
      if (grandchild > 0 && ::write(ends[1], &grandchild, sizeof grandchild) < 0) ::_exit(1);
      ::alarm(120);
      ::pause();
      ::_exit(0);
    }
    ASSERT_EQ(::read(ends[0], &grandchild_, sizeof grandchild_), static_cast<ssize_t>(sizeof grandchild_));
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void TearDown() override {
    ::kill(grandchild_, SIGKILL);
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  pid_t child_ = 0, grandchild_ = 0;
};

TEST_F(TwoGenerations, AreFoundInTheListsOfTheKernel) {
  if (!children_are_listed()) GTEST_SKIP() << "this kernel keeps none";

  EXPECT_EQ(descendants_of(::getpid(), true), (std::vector<pid_t>{child_, grandchild_}));
}

TEST_F(TwoGenerations, AreFoundAmongAllProcesses) {
  EXPECT_EQ(descendants_of(::getpid(), false), (std::vector<pid_t>{child_, grandchild_}));
}

TEST_F(TwoGenerations, HaveNobodyBelowTheLast) {
  EXPECT_TRUE(descendants_of(grandchild_).empty());
}

}  // namespace
}  // namespace pathline
