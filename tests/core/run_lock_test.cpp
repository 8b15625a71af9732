#include "core/run_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using test::TemporaryFolder;

TEST(RunLock, KeepsASecondProcessOut) {
  const TemporaryFolder folder;
  const RunLock lock(folder / "run");

  const pid_t child = fork();
  if (child == 0) {
    try {
      const RunLock second(folder / "run");
      _exit(0);
    } catch (const Error& error) {
      _exit(static_cast<int>(error.code()));
    }
  }
  int status = 0;
  waitpid(child, &status, 0);

  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(ExitCode::usage));
}

TEST(RunLock, IsFreeAgainAfterItsOwner) {
  const TemporaryFolder folder;
  { const RunLock lock(folder.path()); }

  EXPECT_NO_THROW(RunLock(folder.path()));
}

}  // namespace
}  // namespace pathline
