#include "core/config.h"

#include <limits>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/durable_file.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using Arguments = std::vector<std::string>;

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

ConfigSchema some_schema() {
  ConfigSchema schema;
  schema.add_text("data.shards", "", Effect::free, "folder of the shards");
  schema.add_integer_list("network.channel_mult", {1, 2, 2}, 1, 64, Effect::breaking, "width of each level");
  schema.add_real("network.dropout", 0.1, 0, 0.99, Effect::breaking, "share of activations dropped");
  schema.add_real("optimizer.lr", 1e-4, 0, 1, Effect::steering, "learning rate");
  schema.add_integer("train.steps", 1000, 1, kLargest, Effect::free, "optimizer steps");
  schema.add_integer("train.global_batch", 64, 1, 65536, Effect::breaking, "images per step");
  schema.add_integer("train.seed", 0, std::numeric_limits<std::int64_t>::min(), kLargest, Effect::breaking, "seed");
  schema.add_boolean("train.compile", false, Effect::free, "compile first");
  schema.add_choice("train.precision", "fp32", {"fp32", "bf16"}, Effect::breaking, "arithmetic");
  return schema;
}

Config parsed(const ConfigSchema& schema, std::string_view ini, const Arguments& arguments = {}) {
  return Config::parse_text(schema, ini, "run.ini", arguments);
}

/// The error that `ini` with `arguments` gives.
Error refusal(std::string_view ini, const Arguments& arguments = {}) {
  const ConfigSchema schema = some_schema();
  const Error error = error_of([&] { parsed(schema, ini, arguments); });
  EXPECT_EQ(error.code(), ExitCode::usage);
  return error;
}

// Values ------------------------------------------------------------------------------------------

TEST(Config, StartsWithTheDefaults) {
  const ConfigSchema schema = some_schema();
  const Config config(schema);

  EXPECT_EQ(config.text("data.shards"), "");
  EXPECT_EQ(config.integer_list("network.channel_mult"), (std::vector<std::int64_t>{1, 2, 2}));
  EXPECT_EQ(config.real("optimizer.lr"), 1e-4);
  EXPECT_EQ(config.integer("train.steps"), 1000);
  EXPECT_FALSE(config.boolean("train.compile"));
  EXPECT_EQ(config.text("train.precision"), "fp32");
  EXPECT_TRUE(config.is_default("train.steps"));
}

TEST(Config, ReadsEveryKindFromIni) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema,
                               "[train]\nsteps = 5\ncompile=yes\nprecision = bf16\nseed = -7\n"
                               "[network]\nchannel_mult = 1, 2 ,3\ndropout = .5\n[data]\nshards = a dir/x\n");

  EXPECT_EQ(config.integer("train.steps"), 5);
  EXPECT_EQ(config.integer("train.seed"), -7);
  EXPECT_TRUE(config.boolean("train.compile"));
  EXPECT_EQ(config.text("train.precision"), "bf16");
  EXPECT_EQ(config.integer_list("network.channel_mult"), (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(config.real("network.dropout"), 0.5);
  EXPECT_EQ(config.text("data.shards"), "a dir/x");
  EXPECT_EQ(config.source("train.steps"), "run.ini:2");
}

TEST(Config, OptionsWinOverTheFile) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema, "[train]\nsteps = 5\nseed = 6\n", {"--train.steps", "7"});

  EXPECT_EQ(config.integer("train.steps"), 7);
  EXPECT_EQ(config.source("train.steps"), "--train.steps");
  EXPECT_EQ(config.integer("train.seed"), 6);
}

TEST(Config, ReadsAFile) {
  const test::TemporaryFolder folder;
  const ConfigSchema schema = some_schema();
  write_file_durably(folder / "run.ini", "[train]\nsteps = 5\n");

  const Config config = Config::parse(schema, folder / "run.ini", {});

  EXPECT_EQ(config.integer("train.steps"), 5);
  EXPECT_EQ(config.source("train.steps"), (folder / "run.ini").string() + ":2");
}

TEST(Config, MissingFileIsAFileSystemError) {
  const test::TemporaryFolder folder;
  const ConfigSchema schema = some_schema();

  EXPECT_EQ(error_of([&] { Config::parse(schema, folder / "none.ini", {}); }).code(), ExitCode::file_system);
}

TEST(Config, AskingForAWrongNameOrKindIsALogicError) {
  const ConfigSchema schema = some_schema();
  const Config config(schema);

  EXPECT_THROW(config.integer("train.stepz"), std::logic_error);
  EXPECT_THROW(config.integer("train.precision"), std::logic_error);
  EXPECT_THROW(config.text("train.steps"), std::logic_error);
}

TEST(Config, FailPointsAtTheSourceOfTheValue) {
  const ConfigSchema schema = some_schema();
  const Config config = parsed(schema, "[train]\nsteps = 5\n", {"--train.seed=1"});

  const auto place = [&](const char* name) { return error_of([&] { config.fail(name, "message", "hint"); }).place(); };

  EXPECT_EQ(place("train.steps"), "run.ini:2: train.steps");
  EXPECT_EQ(place("train.seed"), "--train.seed");
  EXPECT_EQ(place("optimizer.lr"), "optimizer.lr");
}

// INI text ----------------------------------------------------------------------------------------

TEST(Ini, AcceptsCommentsBlankLinesAndWhiteSpace) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema,
                               "# head\n; head\n\n   [train]   # section\n\tsteps=5 # why\n  # indented\n"
                               "seed = 1\t#tab\n[data]\nshards = run#7 # comment\n");

  EXPECT_EQ(config.integer("train.steps"), 5);
  EXPECT_EQ(config.integer("train.seed"), 1);
  EXPECT_EQ(config.text("data.shards"), "run#7");
}

TEST(Ini, AcceptsWindowsLineEndsByteOrderMarkAndNoFinalNewline) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema, "\xEF\xBB\xBF[train]\r\nsteps = 5\r\n\r\nseed = 6");

  EXPECT_EQ(config.integer("train.steps"), 5);
  EXPECT_EQ(config.integer("train.seed"), 6);
  EXPECT_EQ(config.source("train.seed"), "run.ini:4");
}

TEST(Ini, QuotesKeepWhatWouldBeLost) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema, "[data]\nshards = \"  a # b \\\"c\\\" \\\\ \"  # comment\n");

  EXPECT_EQ(config.text("data.shards"), "  a # b \"c\" \\ ");
}

TEST(Ini, ValueMayHoldAnEqualsSignOrBeEmpty) {
  const ConfigSchema schema = some_schema();

  EXPECT_EQ(parsed(schema, "[data]\nshards = a=b\n").text("data.shards"), "a=b");
  EXPECT_EQ(parsed(schema, "[data]\nshards =\n").text("data.shards"), "");
  EXPECT_TRUE(parsed(schema, "[network]\nchannel_mult =\n").integer_list("network.channel_mult").empty());
}

TEST(Ini, SectionMayBeOpenedAgain) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema, "[train]\nsteps = 5\n[data]\nshards = x\n[train]\nseed = 6\n");

  EXPECT_EQ(config.integer("train.seed"), 6);
}

TEST(Ini, EmptyTextGivesTheDefaults) {
  const ConfigSchema schema = some_schema();

  EXPECT_EQ(parsed(schema, "").integer("train.steps"), 1000);
}

struct BadIni {
  const char* name;
  std::string ini, place, message, hint;
};

std::vector<BadIni> bad_ini_texts() {
  return {
      BadIni{"unknown_key", "[train]\nsteps = 1\nglobal_bach = 8\n", "run.ini:3", "'global_bach'",
             "did you mean train.global_batch?"},
      BadIni{"key_of_another_section", "[data]\nlr = 1\n", "run.ini:2", "'lr' in section [data]",
             "did you mean optimizer.lr?"},
      BadIni{"unknown_section", "\n[trian]\nsteps = 1\n", "run.ini:2", "'trian'", "did you mean [train]?"},
      BadIni{"unknown_empty_section", "[qqqqqqqq]\n", "run.ini:1", "'qqqqqqqq'", "data, network, optimizer, train"},
      BadIni{"repeated_key", "[train]\nsteps = 1\nseed = 1\n[train]\nsteps = 2\n", "run.ini:5", "lines 2 and 5", ""},
      BadIni{"repeated_key_of_equal_value", "[train]\nsteps = 1\nsteps = 1\n", "run.ini:3", "lines 2 and 3", ""},
      BadIni{"wrong_type", "[train]\nsteps = many\n", "run.ini:2: train.steps", "of at least 1, found 'many'", "5k"},
      BadIni{"fraction", "[train]\nsteps = 1.5\n", "run.ini:2: train.steps", "found '1.5'", ""},
      BadIni{"below_the_range", "[train]\nglobal_batch = -4\n", "run.ini:2: train.global_batch",
             "from 1 to 65536, found '-4'", ""},
      BadIni{"above_the_range", "[train]\nglobal_batch = 1G\n", "run.ini:2: train.global_batch",
             "from 1 to 65536, found '1G'", ""},
      BadIni{"empty_number", "[train]\nsteps =\n", "run.ini:2: train.steps", "found ''", ""},
      BadIni{"nan", "[optimizer]\nlr = nan\n", "run.ini:2: optimizer.lr", "finite number from 0 to 1, found 'nan'", ""},
      BadIni{"bad_boolean", "[train]\ncompile = maybe\n", "run.ini:2: train.compile", "true or false", ""},
      BadIni{"bad_choice", "[train]\nprecision = fp23\n", "run.ini:2: train.precision", "fp32, bf16",
             "did you mean fp32?"},
      BadIni{"bad_list_item", "[network]\nchannel_mult = 1,x,2\n", "run.ini:2: network.channel_mult, item 2",
             "found 'x'", ""},
      BadIni{"empty_list_item", "[network]\nchannel_mult = 1,,2\n", "run.ini:2: network.channel_mult, item 2",
             "found ''", ""},
      BadIni{"list_ends_with_a_comma", "[network]\nchannel_mult = 1,\n", "run.ini:2: network.channel_mult, item 2",
             "found ''", ""},
      BadIni{"no_equals_sign", "[train]\nsteps\n", "run.ini:2", "expected `key = value`, found 'steps'", ""},
      BadIni{"no_key", "[train]\n= 4\n", "run.ini:2", "no key", ""},
      BadIni{"no_section", "steps = 4\n", "run.ini:1", "before any section", "[section]"},
      BadIni{"open_bracket", "[train\nsteps = 4\n", "run.ini:1", "closing ]", ""},
      BadIni{"nameless_section", "[ ]\n", "run.ini:1", "no name", ""},
      BadIni{"text_after_section", "[train] steps = 4\n", "run.ini:1", "follow a section", ""},
      BadIni{"open_quote", "[data]\nshards = \"abc\n", "run.ini:2", "closing \"", ""},
      BadIni{"text_after_quote", "[data]\nshards = \"a\" b\n", "run.ini:2", "follow a quoted value", ""},
      BadIni{"bad_escape", "[data]\nshards = \"a\\n\"\n", "run.ini:2", "must be followed by", "\\\\"},
      BadIni{"zero_byte", std::string("[data]\nshards = a\0b\n", 19), "run.ini", "binary data", "UTF-8"},
      BadIni{"utf16", "\xFF\xFE[", "run.ini", "UTF-16", "UTF-8"},
      BadIni{"control_character", "[data]\nshards = a\x1b[31m\n", "run.ini:2: data.shards", "control", ""}};
}

TEST(Ini, BadTextIsRefusedAtItsLine) {
  for (const BadIni& bad : bad_ini_texts()) {
    SCOPED_TRACE(bad.name);

    const Error error = refusal(bad.ini);

    EXPECT_EQ(error.place(), bad.place);
    EXPECT_TRUE(contains(error.message(), bad.message));
    EXPECT_TRUE(contains(error.hint(), bad.hint));
  }
}

// Options -----------------------------------------------------------------------------------------

TEST(Options, AcceptBothWaysOfWriting) {
  const ConfigSchema schema = some_schema();

  const Config config = parsed(schema, "", {"--train.steps=5", "--train.seed", "6", "--data.shards=a=b"});

  EXPECT_EQ(config.integer("train.steps"), 5);
  EXPECT_EQ(config.integer("train.seed"), 6);
  EXPECT_EQ(config.text("data.shards"), "a=b");
}

TEST(Options, NegativeNumbersAreValues) {
  const ConfigSchema schema = some_schema();

  EXPECT_EQ(parsed(schema, "", {"--train.seed", "-1"}).integer("train.seed"), -1);
  EXPECT_EQ(parsed(schema, "", {"--train.seed=-1"}).integer("train.seed"), -1);

  const Error error = refusal("", {"--optimizer.lr", "-1"});
  EXPECT_EQ(error.place(), "--optimizer.lr");
  EXPECT_TRUE(contains(error.message(), "from 0 to 1, found '-1'"));
}

TEST(Options, EmptyValuesArePossible) {
  const ConfigSchema schema = some_schema();

  EXPECT_EQ(parsed(schema, "[data]\nshards = x\n", {"--data.shards="}).text("data.shards"), "");
  EXPECT_EQ(parsed(schema, "[data]\nshards = x\n", {"--data.shards", ""}).text("data.shards"), "");
}

TEST(Options, OptionIsNoValueUnlessJoined) {
  const ConfigSchema schema = some_schema();

  const Error error = refusal("", {"--data.shards", "--train.steps", "5"});

  EXPECT_EQ(error.place(), "--data.shards");
  EXPECT_TRUE(contains(error.message(), "'--train.steps'"));
  EXPECT_EQ(parsed(schema, "", {"--data.shards=--odd"}).text("data.shards"), "--odd");
}

TEST(Options, AbbreviationsAreNotGuessed) {
  const Error error = refusal("", {"--train.step", "5"});

  EXPECT_TRUE(contains(error.message(), "'--train.step'"));
  EXPECT_EQ(error.hint(), "did you mean --train.steps?");
}

TEST(Options, UnknownOptionIsNamedWithTheNearest) {
  EXPECT_EQ(refusal("", {"--train.golbal_batch=8"}).hint(), "did you mean --train.global_batch?");
  EXPECT_TRUE(contains(refusal("", {"--verbose"}).message(), "'--verbose'"));
}

TEST(Options, RepeatedOptionIsRefused) {
  EXPECT_TRUE(
      contains(refusal("", {"--train.steps", "5", "--train.steps=5"}).message(), "--train.steps is given twice"));
}

TEST(Options, ValueIsRequired) {
  EXPECT_TRUE(contains(refusal("", {"--train.steps"}).message(), "train.steps"));
}

TEST(Options, StrayWordsAndShortOptionsAreRefused) {
  EXPECT_TRUE(contains(refusal("", {"stray"}).message(), "'stray'"));
  EXPECT_TRUE(contains(refusal("", {"-v"}).message(), "'-v'"));
  EXPECT_TRUE(contains(refusal("", {"--train.steps", "5", "6"}).message(), "'6'"));
  EXPECT_TRUE(contains(refusal("", {"--", "--train.steps", "5"}).message(), "--train.steps"));
  EXPECT_TRUE(contains(refusal("", {""}).message(), "''"));
}

TEST(Options, LineBreaksCannotEnterAValue) {
  EXPECT_TRUE(contains(refusal("", {"--data.shards", "a\n[train]"}).message(), "line breaks"));
}

// Numbers -----------------------------------------------------------------------------------------

TEST(ParseInteger, UnderstandsExponentsAndUnits) {
  const auto parse = [](const char* text) {
    return parse_integer(text, std::numeric_limits<std::int64_t>::min(), kLargest, "here");
  };

  EXPECT_EQ(parse("0"), 0);
  EXPECT_EQ(parse("-0"), 0);
  EXPECT_EQ(parse("007"), 7);
  EXPECT_EQ(parse("+5"), 5);
  EXPECT_EQ(parse("1e6"), 1000000);
  EXPECT_EQ(parse("10k"), 10000);
  EXPECT_EQ(parse("2M"), 2000000);
  EXPECT_EQ(parse("1G"), 1000000000);
  EXPECT_EQ(parse("1.5k"), 1500);
  EXPECT_EQ(parse("1.50e1"), 15);
  EXPECT_EQ(parse("1200e-2"), 12);
  EXPECT_EQ(parse("5.0"), 5);
  EXPECT_EQ(parse("9223372036854775807"), kLargest);
  EXPECT_EQ(parse("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse("9007199254740993"), 9007199254740993);  // a double would round it
}

TEST(ParseInteger, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "-",
                           "+",
                           ".",
                           "e5",
                           "1e",
                           "1e+",
                           "1.5",
                           "1e-1",
                           "0x10",
                           "1 ",
                           " 1",
                           "1,000",
                           "1k5",
                           "10K",
                           "10m",
                           "kk",
                           "--1",
                           "nan",
                           "inf",
                           "1_000",
                           "9223372036854775808",
                           "-9223372036854775809",
                           "18446744073709551616",
                           "1e19",
                           "1e999999999999",
                           "9999999999G"}) {
    const Error error =
        error_of([&] { parse_integer(text, std::numeric_limits<std::int64_t>::min(), kLargest, "--steps"); });
    EXPECT_EQ(error.code(), ExitCode::usage) << text;
    EXPECT_EQ(error.place(), "--steps");
  }
}

TEST(ParseInteger, EndsOfTheRangeBelongToIt) {
  EXPECT_EQ(parse_integer("1", 1, 3, "x"), 1);
  EXPECT_EQ(parse_integer("3", 1, 3, "x"), 3);
  EXPECT_THROW(parse_integer("0", 1, 3, "x"), Error);
  EXPECT_THROW(parse_integer("4", 1, 3, "x"), Error);
}

TEST(ParseReal, GivesTheNearestDouble) {
  const auto parse = [](const char* text) { return parse_real(text, -1e300, 1e300, "here"); };

  EXPECT_EQ(parse("0.1"), 0.1);
  EXPECT_EQ(parse("-.5"), -0.5);
  EXPECT_EQ(parse("3."), 3.0);
  EXPECT_EQ(parse("1e-4"), 1e-4);
  EXPECT_EQ(parse("0.1k"), 100.0);
  EXPECT_EQ(parse("2.5M"), 2.5e6);
  EXPECT_EQ(parse("0"), 0.0);
  EXPECT_EQ(parse("0e9"), 0.0);
  EXPECT_EQ(parse("0.30000000000000004"), 0.30000000000000004);
}

TEST(ParseReal, RefusesEverythingElse) {
  for (const char* text : {"", "nan", "inf", "-inf", "infinity", "NaN", "0x1p3", "1e", "1,5", "1 ", "1e400", "-1e400",
                           "1e99999999999", "1d3", "--1", "1..2"}) {
    EXPECT_EQ(error_of([&] {
                parse_real(text, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(),
                           "--lr");
              }).code(),
              ExitCode::usage)
        << text;
  }
  EXPECT_THROW(parse_real("1.0001", 0, 1, "x"), Error);
  EXPECT_THROW(parse_real("-0.0001", 0, 1, "x"), Error);
}

// Writing -----------------------------------------------------------------------------------------

TEST(ToIni, ParsesBackToTheSameValues) {
  const ConfigSchema schema = some_schema();
  const Arguments arguments{"--train.steps=10k",
                            "--optimizer.lr=0.30000000000000004",
                            "--train.compile=on",
                            "--train.seed=-9223372036854775808",
                            "--network.channel_mult=",
                            "--network.dropout=1e-300",
                            "--data.shards"};
  for (const std::string& folder :
       {std::string("plain"), std::string("a b"), std::string(" edges "), std::string("a #b"), std::string("#b"),
        std::string("\"q\""), std::string("back\\slash"), std::string("\" # \\"), std::string("tab\t"),
        std::string("; x"), std::string("[x]"), std::string("a=b"), std::string("\xC3\xA9"), std::string(1, '"')}) {
    for (const bool annotate : {false, true}) {
      Arguments all = arguments;
      all.push_back(folder);
      const Config config = parsed(schema, "", all);

      const Config again = parsed(schema, config.to_ini(annotate));

      EXPECT_EQ(again.text("data.shards"), folder);
      EXPECT_EQ(again.integer("train.steps"), 10000);
      EXPECT_EQ(again.real("optimizer.lr"), 0.30000000000000004);
      EXPECT_EQ(again.real("network.dropout"), 1e-300);
      EXPECT_TRUE(again.boolean("train.compile"));
      EXPECT_EQ(again.integer("train.seed"), std::numeric_limits<std::int64_t>::min());
      EXPECT_TRUE(again.integer_list("network.channel_mult").empty());
      EXPECT_EQ(again.to_ini(), config.to_ini());
    }
  }
}

TEST(ToIni, WritesSectionsOnceInTheOrderOfTheSchema) {
  ConfigSchema schema;
  schema.add_integer("b.one", 1, 0, 9, Effect::free, "first");
  schema.add_text("a.two", "", Effect::free, "second");
  schema.add_integer("b.three", 3, 0, 9, Effect::free, "third");

  EXPECT_EQ(Config(schema).to_ini(), "[b]\none = 1\nthree = 3\n\n[a]\ntwo =\n");
}

TEST(ToIni, AnnotationsTellMeaningRangeAndSource) {
  ConfigSchema schema;
  schema.add_integer("b.one", 1, 0, 9, Effect::free, "first");
  const Config config = Config::parse_text(schema, "[b]\none = 2\n", "odd\nname.ini");

  EXPECT_EQ(config.to_ini(true), "[b]\n# first (whole number, 0 to 9; odd?name.ini:2)\none = 2\n");
}

// Keys that another key's value brings along -------------------------------------------------------------

/// Both kinds have "size", with other ranges and defaults; one has "parts".
ConfigSchema schema_of_kinds() {
  ConfigSchema schema;
  schema.add_choice("network.kind", "small", {"small", "large"}, Effect::breaking, "which");
  schema.only_where("network.kind", "small", [&] {
    schema.add_integer("network.size", 1, 1, 9, Effect::breaking, "size of a small one");
    schema.add_integer("network.parts", 2, 1, 9, Effect::breaking, "parts of a small one");
  });
  schema.only_where("network.kind", "large", [&] {
    schema.add_integer("network.size", 100, 10, 1000, Effect::breaking, "size of a large one");
  });
  return schema;
}

TEST(OwnedKeys, HaveTheDefaultAndRangeOfTheirOwner) {
  const ConfigSchema schema = schema_of_kinds();

  EXPECT_EQ(Config(schema).integer("network.size"), 1);
  EXPECT_EQ(parsed(schema, "[network]\nkind = large\n").integer("network.size"), 100);
  EXPECT_EQ(parsed(schema, "[network]\nsize = 500\n", {"--network.kind", "large"}).integer("network.size"), 500);
  const Error error = error_of([&] { parsed(schema, "[network]\nsize = 500\n"); });
  EXPECT_EQ(error.place(), "run.ini:2: network.size");
  EXPECT_TRUE(contains(error.message(), "from 1 to 9"));
}

TEST(OwnedKeys, GivenWithoutTheirOwnerAreAnErrorThatNamesIt) {
  const ConfigSchema schema = schema_of_kinds();

  const Error error = error_of([&] { parsed(schema, "[network]\nparts = 3\nkind = large\n"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "run.ini:2: network.parts");
  EXPECT_EQ(error.message(), "network.parts belongs to network.kind = small, found network.kind = large");
  EXPECT_EQ(error.hint(), "remove it, or set network.kind = small");
}

TEST(OwnedKeys, DoNotExistWithoutTheirOwner) {
  const ConfigSchema schema = schema_of_kinds();
  const Config large = parsed(schema, "", {"--network.kind=large"});

  EXPECT_THROW(large.integer("network.parts"), std::logic_error);
  EXPECT_EQ(large.keys().size(), 2U);
  EXPECT_EQ(large.to_ini(), "[network]\nkind = large\nsize = 100\n");
  EXPECT_EQ(parsed(schema, large.to_ini()).to_ini(), large.to_ini());
}

// Keys of older versions ----------------------------------------------------------------------------------

/// shape.size took the place of shape.width and shape.height.
ConfigSchema schema_that_folds() {
  ConfigSchema schema;
  schema.add_integer_list("shape.size", {1, 1}, 1, 9, Effect::breaking, "width, height");
  schema.add_integer("shape.width", 1, 1, 100, Effect::breaking, "older way to write the first of shape.size");
  schema.fold_older_keys([](Config& config) {
    if (config.is_default("shape.width")) return;
    config.fold("shape.width", "shape.size", config.value_text("shape.width") + ",1");
  });
  return schema;
}

TEST(OlderKeys, AreReadAndKeptUnderTheirNewNames) {
  const ConfigSchema schema = schema_that_folds();

  const Config config = parsed(schema, "[shape]\nwidth = 5\n");

  EXPECT_EQ(config.integer_list("shape.size"), (std::vector<std::int64_t>{5, 1}));
  EXPECT_EQ(config.source("shape.size"), "run.ini:2");
  EXPECT_TRUE(config.is_default("shape.width"));
  EXPECT_EQ(config.to_ini(), parsed(schema, "[shape]\nsize = 5,1\n").to_ini());
}

TEST(OlderKeys, MayBeOlderFormsOfTheKeyItself) {
  ConfigSchema schema;
  schema.add_integer_list("shape.size", {1, 1}, 1, 9, Effect::breaking, "width, height; older form: width");
  schema.fold_older_keys([](Config& config) {
    if (config.integer_list("shape.size").size() == 1)
      config.fold("shape.size", "shape.size", config.value_text("shape.size") + ",1");
  });

  const Config config = parsed(schema, "[shape]\nsize = 5\n");

  EXPECT_EQ(config.value_text("shape.size"), "5,1");
  EXPECT_EQ(config.source("shape.size"), "run.ini:2");
}

TEST(OlderKeys, AreBlamedWhereTheyGiveWhatTheNewOneDoesNotAllow) {
  const ConfigSchema schema = schema_that_folds();

  EXPECT_EQ(error_of([&] { parsed(schema, "[shape]\nwidth = 50\n"); }).place().substr(0, 22), "run.ini:2: shape.width");
}

// Anything at all ---------------------------------------------------------------------------------

TEST(ConfigFuzz, RandomTextNeverDoesMoreThanThrowAnError) {
  const ConfigSchema schema = some_schema();
  const std::vector<std::string> pieces{"[",
                                        "]",
                                        "train",
                                        "data",
                                        "steps",
                                        "shards",
                                        "=",
                                        " ",
                                        "\n",
                                        "\"",
                                        "\\",
                                        "#",
                                        ";",
                                        "1",
                                        "e",
                                        "k",
                                        ".",
                                        ",",
                                        "-",
                                        "\r\n",
                                        "\t",
                                        "[train]\n",
                                        "seed=",
                                        "lr = ",
                                        "[optimizer]\n",
                                        "\xEF\xBB\xBF",
                                        "\xff",
                                        std::string(1, '\0')};
  std::mt19937 random(4);

  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (unsigned i = random() % 12; i > 0; --i) {
      text += random() % 8 == 0 ? std::string(1, static_cast<char>(random())) : pieces[random() % pieces.size()];
    }
    try {
      const Config config = parsed(schema, text);
      ASSERT_EQ(parsed(schema, config.to_ini()).to_ini(), config.to_ini());
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::usage) << error.what();
    }
  }

  EXPECT_GT(accepted, 1000);
}

TEST(ConfigFuzz, RandomOptionsNeverDoMoreThanThrowAnError) {
  const ConfigSchema schema = some_schema();
  const std::vector<std::string> pieces{
      "--", "-", "train.",       "steps",          "seed", "data.shards", "=", "1",
      "",   " ", "--train.seed", "--data.shards=", "\n",   "\xff",        ".", "--train.steps"};
  std::mt19937 random(5);

  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    Arguments arguments(random() % 4);
    for (std::string& argument : arguments) {
      for (unsigned i = 1 + random() % 3; i > 0; --i) argument += pieces[random() % pieces.size()];
    }
    try {
      parsed(schema, "", arguments);
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::usage) << error.what();
    }
  }

  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace pathline
