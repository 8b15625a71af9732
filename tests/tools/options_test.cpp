#include "tools/options.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/environment_variable.h"
#include "tests/core/expect_error.h"

namespace pathline::tools {
namespace {

using test::contains;
using test::error_of;

Options example() {
  Options options("pathline example", "FILE [options]", "An example.");
  options.positional("FILE", "what to read", 0, 1);
  options.value("steps", "N", "how many");
  options.value("out", "FILE", "where to");
  options.value("batch", "B", "together", "64");
  options.value("mode", "ema|raw", "which", "ema");
  options.value("list", "N,N", "numbers", "1,2");
  options.flag("json", "as JSON");
  options.repeated("param", "name=value", "a parameter");
  return options;
}

TEST(Options, ReadsValuesFlagsAndWords) {
  Options options = example();

  const bool run = options.parse({"input", "--steps", "8", "--out=x.h5", "--json"});

  EXPECT_TRUE(run);
  EXPECT_EQ(options.words(), std::vector<std::string>{"input"});
  EXPECT_EQ(options.integer("steps", 1, 100), 8);
  EXPECT_EQ(options.text("out"), "x.h5");
  EXPECT_TRUE(options.has("json"));
}

TEST(Options, DefaultIsReadButDoesNotCountAsGiven) {
  Options options = example();

  options.parse({});

  EXPECT_EQ(options.integer("batch", 1, 100), 64);
  EXPECT_FALSE(options.has("batch"));
}

TEST(Options, PathsBeginInTheHomeFolderWhereNoShellHasSeenThem) {
  const test::EnvironmentVariable home("HOME", "/home/ada");
  Options options = example();
  options.paths({"out", "list"}, /*words=*/true);

  options.parse({"~/in", "--out=~/x.h5", "--list", "a,~/b,$HOME/c", "--mode", "~/kept"});

  EXPECT_EQ(options.words(), std::vector<std::string>{"/home/ada/in"});
  EXPECT_EQ(options.text("out"), "/home/ada/x.h5");
  EXPECT_EQ(options.texts("list"), (std::vector<std::string>{"a", "/home/ada/b", "/home/ada/c"}));
  EXPECT_EQ(options.text("mode"), "~/kept");  // is no path
}

TEST(Options, APathThatCannotBeExpandedNamesItsOption) {
  Options options = example();
  options.paths({"out"});

  const Error error = error_of([&] { options.parse({"--out=~bob/x"}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "--out");
}

TEST(Options, AbbreviationIsAnErrorThatNamesTheOption) {
  Options options = example();

  const Error error = error_of([&] { options.parse({"--step", "8"}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "--step: unknown option"));
  EXPECT_TRUE(contains(error.hint(), "--steps"));
}

TEST(Options, OptionIsNotTakenForAValue) {
  Options options = example();

  const Error error = error_of([&] { options.parse({"--out", "--steps", "8"}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "--out");
  EXPECT_TRUE(contains(error.message(), "--steps"));
}

TEST(Options, ValueThatLooksLikeAnOptionIsTakenAfterAnEqualsSign) {
  Options options = example();

  options.parse({"--out=--odd"});

  EXPECT_EQ(options.text("out"), "--odd");
}

TEST(Options, MissingValueAtTheEndIsNamed) {
  Options options = example();

  const Error error = error_of([&] { options.parse({"--steps"}); });

  EXPECT_EQ(error.place(), "--steps");
}

TEST(Options, EmptyValueIsRefused) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--out="}, {"--out", ""}}) {
    Options options = example();

    const Error error = error_of([&] { options.parse(arguments); });

    EXPECT_EQ(error.place(), "--out");
  }
}

TEST(Options, RepeatedOptionIsRefusedUnlessDeclaredSo) {
  Options once = example(), many = example();

  const Error error = error_of([&] { once.parse({"--steps", "8", "--steps", "9"}); });
  many.parse({"--param", "a=1", "--param", "b=2"});

  EXPECT_EQ(error.place(), "--steps");
  EXPECT_TRUE(contains(error.message(), "more than once"));
  EXPECT_EQ(many.all("param"), (std::vector<std::string>{"a=1", "b=2"}));
}

TEST(Options, FlagWithAValueIsRefused) {
  Options options = example();

  const Error error = error_of([&] { options.parse({"--json=yes"}); });

  EXPECT_EQ(error.place(), "--json");
}

TEST(Options, NegativeNumberIsAValueAndOutOfRange) {
  Options options = example();
  options.parse({"--steps", "-1"});

  const Error error = error_of([&] { options.integer("steps", 1, 100); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "--steps"));
  EXPECT_TRUE(contains(error.what(), "-1"));
}

TEST(Options, ShortOptionIsUnknownRatherThanAWord) {
  Options options = example();

  const Error error = error_of([&] { options.parse({"-s", "8"}); });

  EXPECT_EQ(error.place(), "-s");
}

TEST(Options, StrayWordIsNamed) {
  Options options = example();

  const Error error = error_of([&] { options.parse({"one", "two"}); });

  EXPECT_TRUE(contains(error.message(), "'two'"));
}

TEST(Options, WordsAfterDoubleDashAreNotOptions) {
  Options options = example();

  options.parse({"--json", "--", "--steps"});

  EXPECT_EQ(options.words(), std::vector<std::string>{"--steps"});
}

TEST(Options, MissingRequiredValueSaysSo) {
  Options options = example();
  options.parse({});

  const Error error = error_of([&] { options.text("out"); });

  EXPECT_EQ(error.place(), "--out");
  EXPECT_TRUE(contains(error.message(), "required"));
}

TEST(Options, ChoiceSuggestsTheNearest) {
  Options options = example();
  options.parse({"--mode", "rew"});

  const Error error = error_of([&] { options.choice("mode", {"ema", "raw"}); });

  EXPECT_TRUE(contains(error.hint(), "raw"));
}

TEST(Options, ListIsSplitAtCommas) {
  Options options = example();
  options.parse({"--list", "4,8,16"});

  EXPECT_EQ(options.integers("list", 1, 100), (std::vector<std::int64_t>{4, 8, 16}));
}

TEST(Options, EmptyListItemIsRefused) {
  for (const char* list : {"4,,8", "4,", ",4"}) {
    Options options = example();
    options.parse({"--list", list});

    const Error error = error_of([&] { options.integers("list", 1, 100); });

    EXPECT_EQ(error.place(), "--list") << list;
  }
}

TEST(Options, HelpNamesEveryOptionWithItsDefault) {
  const std::string help = example().help();

  EXPECT_TRUE(contains(help, "Usage: pathline example FILE [options]"));
  for (const char* name : {"--steps N", "--out FILE", "--batch B", "--json", "--param name=value", "--help"}) {
    EXPECT_TRUE(contains(help, name));
  }
  EXPECT_TRUE(contains(help, "(default 64)"));
}

TEST(RunAction, PicksTheActionAndHandsOverTheRest) {
  std::vector<std::string> seen;
  const std::vector<Action> actions = {{"create", "makes one", [&](const std::vector<std::string>& rest) {
                                          seen = rest;
                                          return 7;
                                        }}};

  const int code = run_action("pathline shards", "Shards.", actions, {"create", "--out", "x"});

  EXPECT_EQ(code, 7);
  EXPECT_EQ(seen, (std::vector<std::string>{"--out", "x"}));
}

TEST(RunAction, UnknownActionSuggestsTheNearest) {
  const std::vector<Action> actions = {{"create", "makes one", [](const auto&) { return 0; }}};

  const Error error = error_of([&] { run_action("pathline shards", "Shards.", actions, {"craete"}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.hint(), "pathline shards create"));
}

TEST(WrapText, BreaksBetweenWordsAndIndents) {
  EXPECT_EQ(wrap_text("one two three", 7, 2), "one two\n  three");
}

}  // namespace
}  // namespace pathline::tools
