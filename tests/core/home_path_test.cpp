#include "core/home_path.h"

#include <optional>

#include <gtest/gtest.h>

#include "core/config.h"
#include "tests/core/environment_variable.h"
#include "tests/core/expect_error.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;

class Home : public ::testing::Test {
 protected:
  test::EnvironmentVariable home_{"HOME", "/home/ada"};
};

TEST_F(Home, IsPutInThePlaceOfATildeOrItsVariable) {
  EXPECT_EQ(expand_home("~", "x"), "/home/ada");
  EXPECT_EQ(expand_home("~/runs/a", "x"), "/home/ada/runs/a");
  EXPECT_EQ(expand_home("$HOME/runs", "x"), "/home/ada/runs");
  EXPECT_EQ(expand_home("${HOME}", "x"), "/home/ada");
}

TEST_F(Home, LeavesEveryOtherPathAsItIs) {
  for (const char* path : {"", "runs/a", "/data/~x/y", "./~", "./~/x", "a~b", "costs$5", "price$", "/a/b$c", "$5"}) {
    EXPECT_EQ(expand_home(path, "x"), path);
  }
}

TEST_F(Home, OfAnotherUserIsRefused) {
  const Error error = error_of([] { expand_home("~bob/data", "run.ini:3: data.shards"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "run.ini:3: data.shards");
  EXPECT_TRUE(contains(error.message(), "'~bob'"));
  EXPECT_TRUE(contains(error.hint(), "./~bob"));
}

TEST_F(Home, OtherVariablesAreRefusedWhereverANameBeginsWithOne) {
  for (const char* path : {"$SCRATCH/data", "/scratch/$USER/run", "~/${JOB}", "$HOMEWORK", "${HOMES}/x", "$HOME/$x"}) {
    const Error error = error_of([&] { expand_home(path, "x"); });
    EXPECT_EQ(error.code(), ExitCode::usage) << path;
    EXPECT_TRUE(contains(error.message(), "is not expanded")) << path;
  }
}

TEST_F(Home, ThatIsNotSetIsAnErrorAndNoFolderNamedTilde) {
  home_.set(std::nullopt);

  for (const char* path : {"~/x", "$HOME", "${HOME}/x"}) {
    const Error error = error_of([&] { expand_home(path, "log.dir"); });
    EXPECT_EQ(error.code(), ExitCode::usage) << path;
    EXPECT_TRUE(contains(error.message(), "HOME is not set")) << path;
  }
  EXPECT_EQ(expand_home("x", "log.dir"), "x");
}

class PathKey : public Home {
 protected:
  PathKey() {
    schema_.add_path("log.dir", "run/log", Effect::free, "folder");
    schema_.add_text("log.note", "", Effect::free, "any text");
  }
  ConfigSchema schema_;
};

TEST_F(PathKey, IsExpandedInTheFileAndAsAnOption) {
  EXPECT_EQ(Config::parse_text(schema_, "[log]\ndir = ~/log\n", "run.ini").text("log.dir"), "/home/ada/log");
  EXPECT_EQ(Config::parse_text(schema_, "", "run.ini", {"--log.dir=~/log"}).text("log.dir"), "/home/ada/log");
}

TEST_F(PathKey, IsPrintedExpandedSoThatTheRecordHoldsWhereverItIsRead) {
  const std::string printed = Config::parse_text(schema_, "[log]\ndir = $HOME/log\n", "run.ini").to_ini();
  home_.set(std::nullopt);

  EXPECT_TRUE(contains(printed, "dir = /home/ada/log\n"));
  EXPECT_EQ(Config::parse_text(schema_, printed, "again.ini").text("log.dir"), "/home/ada/log");
}

TEST_F(PathKey, NamesItsLineWhenItCannotBeExpanded) {
  const Error error = error_of([&] { Config::parse_text(schema_, "[log]\n\ndir = ~bob\n", "run.ini"); });

  EXPECT_EQ(error.place(), "run.ini:3: log.dir");
}

TEST_F(PathKey, OtherTextsAreLeftAlone) {
  EXPECT_EQ(Config::parse_text(schema_, "[log]\nnote = ~/x $USER\n", "run.ini").text("log.note"), "~/x $USER");
}

}  // namespace
}  // namespace pathline
