#include "core/log.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/core/expect_error.h"

namespace pathline {
namespace {

using test::contains;

/// What `action` writes to standard error; the logger is set back at the end.
template <class Action>
std::string stderr_of(Action&& action) {
  testing::internal::CaptureStderr();
  action();
  setup_logging(0, 1);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, LinesCarryLevelAndMessage) {
  const std::string text = stderr_of([] {
    setup_logging(0, 1);
    log_info("{} is not a format here");
    log_warning("careful");
    log_error("broken");
  });

  EXPECT_TRUE(contains(text, " info {} is not a format here\n"));
  EXPECT_TRUE(contains(text, " warning careful\n"));
  EXPECT_TRUE(contains(text, " error broken\n"));
  EXPECT_EQ(text.find('['), std::string::npos);
}

TEST(Log, NothingGoesToStdout) {
  testing::internal::CaptureStdout();

  stderr_of([] { log_error("broken"); });

  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(Log, LinesOfSeveralRanksAreToldApart) {
  const std::string text = stderr_of([] {
    setup_logging(2, 4);
    log_warning("careful");
  });

  EXPECT_TRUE(contains(text, "[2/4] careful"));
}

TEST(Log, RanksAboveZeroReportTroubleOnly) {
  const std::string text = stderr_of([] {
    setup_logging(1, 2);
    log_info("chatter");
    log_warning("trouble");
  });

  EXPECT_EQ(text.find("chatter"), std::string::npos);
  EXPECT_TRUE(contains(text, "trouble"));
}

TEST(Log, DebugLinesNeedVerbose) {
  const std::string quiet = stderr_of([] {
    setup_logging(0, 1);
    log_debug("detail");
  });
  const std::string verbose = stderr_of([] {
    setup_logging(1, 2, true);
    log_debug("detail");
  });

  EXPECT_EQ(quiet, "");
  EXPECT_TRUE(contains(verbose, "detail"));
}

TEST(Log, NoColourCodesInAFile) {
  const std::string text = stderr_of([] { log_error("broken"); });

  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Log, LinesOfSeveralThreadsStayWhole) {
  const std::string text = stderr_of([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 100; ++i) log_info("0123456789");
      });
    }
    for (std::thread& thread : threads) thread.join();
  });

  std::size_t lines = 0;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1, ++lines) {
    ASSERT_TRUE(text.substr(at, end - at).ends_with(" info 0123456789"));
  }
  EXPECT_EQ(lines, 400u);
}

}  // namespace
}  // namespace pathline
