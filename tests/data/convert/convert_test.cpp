#include "data/convert/convert.h"

#include <array>
#include <cmath>
#include <map>

#include "data/shards/shard_set.h"
#include "data/sources/toy_source.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

/// Samples made up from their number: 4 x 4 grey pictures, every 7th a copy of the one before it, some of them bad.
class MadeUpSource : public SampleSource {
 public:
  explicit MadeUpSource(std::uint64_t count, std::uint64_t bad_every = 0) : bad_every_(bad_every) {
    facts_.count = count;
    facts_.shape = SampleShape::picture(1, 4, 4);
    facts_.class_names = {"zero", "one", "two"};
    facts_.name = "made-up";
    facts_.fingerprint = "the same always";
  }
  const SourceFacts& facts() const override { return facts_; }
  std::string sample_name(std::uint64_t number) const override { return "picture " + std::to_string(number); }
  void fetch(std::uint64_t number, std::vector<std::byte>& raw) override {
    if (number < next_) throw std::logic_error("fetched backwards");
    next_ = number + 1;
    if (number == unreadable) throw BadSample("cannot be fetched");
    raw.assign(1, std::byte{42});
    if (number == breaks_at) throw Error(ExitCode::bad_input, "the whole input is broken", "made-up");
  }
  void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const override {
    if (raw.size() != 1) throw std::logic_error("decoded without fetching");  // or although fetching failed
    if (bad_every_ != 0 && number % bad_every_ == bad_every_ - 1) throw BadSample("it is " + std::to_string(number));
    const std::uint64_t content = number % 7 == 6 ? number - 1 : number;
    for (std::uint64_t i = 0; i < 16; ++i) out.values.push_back(static_cast<std::byte>(content * 31 >> i));
    out.values[15] = static_cast<std::byte>(content);
    out.values[14] = static_cast<std::byte>(content >> 8);
    out.label = static_cast<std::int64_t>(number % 3);
    out.conditions = conditions_of(facts_.conditions, number);
  }
  /// Gives every sample a vector, a tensor of bytes and a label.
  MadeUpSource& with_conditions() {
    const auto add = [&](ConditionField field, const char* dtype) {
      ConditionArray& condition = facts_.conditions.emplace_back();
      condition.field = std::move(field);
      condition.dtype = dtype;
    };
    add({"params", ConditionField::Kind::vector, 0, {2}, false}, "float32");
    add({"view", ConditionField::Kind::tensor, 0, {1, 3}, false}, "uint8");
    add({"sort", ConditionField::Kind::label, 5, {}, false}, "int64");
    return *this;
  }
  static ConditionValues conditions_of(const std::vector<ConditionArray>& conditions, std::uint64_t number) {
    if (conditions.empty()) return {};
    const std::array<float, 2> params = {static_cast<float>(number), number == wrong_at ? NAN : -0.5f * number};
    const std::array<std::uint8_t, 3> view = {1, 2, static_cast<std::uint8_t>(number)};
    const auto sort = static_cast<std::int64_t>(number % 5);
    const auto bytes = [](const auto& value) {
      const auto* first = reinterpret_cast<const std::byte*>(&value);
      return std::vector<std::byte>(first, first + sizeof value);
    };
    return {bytes(params), bytes(view), bytes(sort)};
  }
  inline static std::uint64_t wrong_at = UINT64_MAX;
  std::uint64_t breaks_at = UINT64_MAX, unreadable = UINT64_MAX;

 private:
  SourceFacts facts_;
  std::uint64_t bad_every_, next_ = 0;
};

/// Every file of a folder and its bytes.
std::map<std::string, std::string> contents_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    contents[entry.path().filename().string()] = read_bytes(entry.path());
  return contents;
}

class ConvertTest : public testing::Test {
 protected:
  ConvertOptions options(const std::string& out = "out") {
    ConvertOptions how;
    how.out = folder_ / out;
    how.shard_samples = 100;
    how.skip_bad = true;
    how.dedupe = true;
    how.threads = 2;
    how.plan = {{"--size", "4"}};
    return how;
  }
  bool is_there(const std::string& name) { return std::filesystem::exists(folder_ / name); }
  TemporaryFolder folder_;
};

TEST_F(ConvertTest, CountsAddUp) {
  MadeUpSource source(1000, 10);
  ConvertOptions how = options();
  how.limit = 900;

  const ConvertSummary summary = convert(source, how);

  EXPECT_EQ(summary.found, 1000u);
  EXPECT_EQ(summary.beyond_limit, 100u);
  EXPECT_EQ(summary.skipped, 90u);
  EXPECT_GT(summary.duplicates, 0u);
  EXPECT_EQ(summary.written + summary.skipped + summary.duplicates + summary.beyond_limit, summary.found);
  const auto set = ShardSet::open(folder_ / "out", true);
  EXPECT_EQ(set.size(), summary.written);
  EXPECT_EQ(set.label(1), 1);
  EXPECT_FALSE(is_there(".out.partial"));
}

TEST_F(ConvertTest, TheNumberOfThreadsChangesNothing) {
  std::map<std::string, std::string> first;
  for (const int threads : {1, 2, 7}) {
    MadeUpSource source(1000, 10);
    ConvertOptions how = options("out" + std::to_string(threads));
    how.name = "same";
    how.threads = threads;

    convert(source, how);

    if (threads == 1) first = contents_of(how.out);
    EXPECT_EQ(contents_of(how.out), first) << threads;
  }
  EXPECT_EQ(first.count("skipped.txt"), 1u);
}

TEST_F(ConvertTest, ListsWhatWasSkipped) {
  MadeUpSource source(25, 10);

  const ConvertSummary summary = convert(source, options());

  EXPECT_EQ(read_bytes(folder_ / "out/skipped.txt"), "picture 9\tit is 9\npicture 19\tit is 19\n");
  EXPECT_EQ(summary.skipped_samples.at(1).name, "picture 19");
}

TEST_F(ConvertTest, WhatCannotBeFetchedIsNotDecoded) {
  MadeUpSource source(25);
  source.unreadable = 11;

  EXPECT_EQ(convert(source, options()).skipped_samples.at(0).reason, "cannot be fetched");
}

TEST_F(ConvertTest, ABadSampleIsFatalUnlessSkipped) {
  MadeUpSource source(1000, 500);
  ConvertOptions how = options();
  how.skip_bad = false;

  expect_error(ExitCode::bad_input, {"picture 499", "it is 499", "--on-error skip"}, [&] { convert(source, how); });

  EXPECT_FALSE(is_there("out"));
}

TEST_F(ConvertTest, FirstOfSeveralErrorsIsReportedWhateverTheThreads) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    MadeUpSource source(300, 3);
    ConvertOptions how = options();
    how.skip_bad = false;
    how.threads = 8;

    expect_error(ExitCode::bad_input, {"picture 2: "}, [&] { convert(source, how); });
  }
}

TEST_F(ConvertTest, StoppedAnywhereItGoesOnToTheSameBytes) {
  MadeUpSource undisturbed(1000, 10);
  ConvertOptions reference = options("reference");
  reference.name = "same";
  const ConvertSummary whole = convert(undisturbed, reference);
  const auto expected = contents_of(reference.out);

  for (const int pieces : {1, 4, 9, 15}) {
    ConvertOptions how = options("out" + std::to_string(pieces));
    how.name = "same";
    int seen = 0, runs = 0;
    how.stop = [&] { return ++seen % pieces == 0; };
    ConvertSummary summary;
    for (bool done = false; !done; done = !summary.stopped) {
      MadeUpSource source(1000, 10);
      // With one piece at a time no shard would ever be finished.
      if (++runs > 1 && pieces < 4) how.stop = nullptr;
      summary = convert(source, how);
      ASSERT_LT(runs, 50);
      if (summary.stopped) {
        EXPECT_FALSE(std::filesystem::exists(how.out));
      }
    }

    EXPECT_EQ(contents_of(how.out), expected) << pieces;
    EXPECT_EQ(summary.written, whole.written);
    EXPECT_EQ(summary.skipped, whole.skipped);
    EXPECT_EQ(summary.duplicates, whole.duplicates);
    EXPECT_GT(runs, 1);
  }
}

class UnfinishedTest : public ConvertTest {
 protected:
  /// Stops a conversion after some shards.
  void leave_unfinished(const ConvertOptions& how) {
    MadeUpSource source(1000);
    ConvertOptions stopped = how;
    int pieces = 0;
    stopped.stop = [&] { return ++pieces == 8; };
    ASSERT_TRUE(convert(source, stopped).stopped);
    ASSERT_TRUE(is_there(".out.partial/part-00000.json"));
  }
  /// The number of samples that a conversion fetches anew.
  std::uint64_t continues_from(const ConvertOptions& how) {
    MadeUpSource source(1000);
    ConvertOptions watched = how;
    std::uint64_t since = UINT64_MAX;
    watched.progress = [&](std::uint64_t, std::uint64_t, std::uint64_t start) { since = start; };
    convert(source, watched);
    return since;
  }
};

TEST_F(UnfinishedTest, FinishedShardsAreNotMadeAgain) {
  leave_unfinished(options());

  EXPECT_GT(continues_from(options()), 300u);
}

TEST_F(UnfinishedTest, OtherSettingsAreRefusedAndFreshStartsOver) {
  leave_unfinished(options());
  ConvertOptions other = options();
  other.plan = {{"--size", "8"}};

  expect_error(ExitCode::usage, {"--size was '4', now it is '8'", "--fresh"}, [&] { continues_from(other); });
  EXPECT_TRUE(is_there(".out.partial/part-00000.json"));
  other.start_over = true;
  EXPECT_EQ(continues_from(other), 0u);
}

TEST_F(UnfinishedTest, ADamagedShardIsMadeAgain) {
  leave_unfinished(options());
  flip(folder_ / ".out.partial/shards/shard-00001.h5", 5000);

  const std::uint64_t since = continues_from(options());

  EXPECT_GT(since, 0u);
  EXPECT_LT(since, 150u);
  EXPECT_NO_THROW(ShardSet::open(folder_ / "out", true));
}

TEST_F(UnfinishedTest, ADamagedRecordIsMadeAgain) {
  leave_unfinished(options());
  write_bytes(folder_ / ".out.partial/part-00001.json", std::string(100000, '['));

  const std::uint64_t since = continues_from(options());

  EXPECT_GT(since, 0u);
  EXPECT_LT(since, 150u);
  EXPECT_NO_THROW(ShardSet::open(folder_ / "out", true));
}

TEST_F(UnfinishedTest, ADamagedPlanStartsOver) {
  leave_unfinished(options());
  write_bytes(folder_ / ".out.partial/plan.json", R"({"--size": "4", "--size": "4"})");

  EXPECT_EQ(continues_from(options()), 0u);
  EXPECT_NO_THROW(ShardSet::open(folder_ / "out", true));
}

TEST_F(UnfinishedTest, LeftoversOfAKilledProcessGo) {
  leave_unfinished(options());
  write_bytes(folder_ / ".out.partial/shards/.shard-00009.h5.tmp-abc", "half");
  write_bytes(folder_ / ".out.partial/shards/shard-00009.h5", "whole, but without its part");

  continues_from(options());

  EXPECT_FALSE(is_there("out/.shard-00009.h5.tmp-abc"));
  EXPECT_NO_THROW(ShardSet::open(folder_ / "out", true));
}

TEST_F(UnfinishedTest, AnErrorOfOneSampleKeepsTheShardsForSkipping) {
  ConvertOptions strict = options();
  strict.skip_bad = false;
  MadeUpSource first(1000, 500);
  EXPECT_THROW(convert(first, strict), Error);
  ASSERT_TRUE(is_there(".out.partial/part-00002.json"));

  MadeUpSource second(1000, 500);
  const ConvertSummary summary = convert(second, options());

  EXPECT_EQ(summary.skipped, 2u);
  EXPECT_NO_THROW(ShardSet::open(folder_ / "out", true));
}

TEST_F(UnfinishedTest, ABrokenInputLeavesNothing) {
  MadeUpSource source(1000);
  source.breaks_at = 700;

  expect_error(ExitCode::bad_input, {"the whole input is broken"}, [&] { convert(source, options()); });

  EXPECT_FALSE(is_there("out"));
  EXPECT_FALSE(is_there(".out.partial"));
}

TEST_F(ConvertTest, VectorsKeepTheirStatisticsWhateverTheShards) {
  std::vector<double> mean, scale;
  for (const std::uint64_t per_shard : {50, 1000}) {
    ToySource source("moons", 1000, 3);
    ConvertOptions how = options("moons" + std::to_string(per_shard));
    how.shard_samples = per_shard;
    convert(source, how);

    const DatasetInfo info = ShardSet::open(how.out, true).info();
    EXPECT_EQ(info.format_version, 2);
    EXPECT_EQ(info.shape, SampleShape::vector(2));
    ASSERT_EQ(info.mean.size(), 2u);
    if (mean.empty()) {
      mean = info.mean;
      scale = info.scale;
    }
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(info.mean[c], mean[c], 1e-13);
      EXPECT_NEAR(info.scale[c], scale[c], 1e-13);
    }
  }
}

TEST_F(ConvertTest, RefusesToWriteNothing) {
  MadeUpSource source(3, 1);

  expect_error(ExitCode::bad_input, {"none of the 3 samples", "picture 0", "it is 0"},
               [&] { convert(source, options()); });
  EXPECT_FALSE(is_there("out"));
}

// Conditions
// -----------------------------------------------------------------------------------------------------------------------

TEST_F(ConvertTest, ConditionsStayWithTheirSamples) {
  MadeUpSource source(1000, 10);
  source.with_conditions();

  const ConvertSummary summary = convert(source, options());

  const auto set = ShardSet::open(folder_ / "out", true);
  ASSERT_EQ(set.info().conditions.size(), 3u);
  for (std::uint64_t id = 0; id < set.size(); ++id) {
    // What the sample's number was is the first number of its condition.
    std::array<float, 2> params;
    set.read_condition(id, 1, params.data());
    const auto number = static_cast<std::uint64_t>(params[0]);
    Sample expected;
    source.decode(number, std::vector<std::byte>(1), expected);
    std::vector<std::byte> values(set.sample_bytes());
    set.read_sample(id, values.data());
    ASSERT_EQ(values, expected.values) << id;
    for (std::size_t k = 0; k < 3; ++k) {
      std::vector<std::byte> value(expected.conditions[k].size());
      set.read_condition(id, 1 + k, value.data());
      ASSERT_EQ(value, expected.conditions[k]) << id;
    }
  }
  EXPECT_EQ(summary.written, set.size());
}

TEST_F(ConvertTest, MeanAndScaleOfConditionsAreThoseOfWhatWasWritten) {
  MadeUpSource source(1000, 10);
  source.with_conditions();

  convert(source, options());

  const auto set = ShardSet::open(folder_ / "out");
  const std::vector<ConditionArray>& conditions = set.info().conditions;
  double mean = 0, squares = 0;
  std::vector<double> numbers;
  for (std::uint64_t id = 0; id < set.size(); ++id) {
    std::array<float, 2> params;
    set.read_condition(id, 1, params.data());
    numbers.push_back(params[0]);
  }
  for (const double number : numbers) mean += number / static_cast<double>(numbers.size());
  for (const double number : numbers) squares += (number - mean) * (number - mean);
  const double scale = std::sqrt(squares / static_cast<double>(numbers.size()));
  ASSERT_EQ(conditions[0].mean.size(), 2u);
  EXPECT_NEAR(conditions[0].mean[0], mean, 1e-9);
  EXPECT_NEAR(conditions[0].mean[1], -0.5 * mean, 1e-9);
  EXPECT_NEAR(conditions[0].scale[0], scale, 1e-9);
  EXPECT_EQ(conditions[1].mean, std::vector<double>{127.5});
  EXPECT_EQ(conditions[1].scale, std::vector<double>{127.5});
  EXPECT_EQ(conditions[2].field.classes, 5);
}

TEST_F(ConvertTest, ConditionsGoOnAfterAStopAsIfThereHadBeenNone) {
  MadeUpSource undisturbed(1000, 10), stopped(1000, 10), resumed(1000, 10);
  ConvertOptions whole = options("whole"), parts = options("parts");
  whole.name = parts.name = "same";
  convert(undisturbed.with_conditions(), whole);
  std::uint64_t asked = 0;
  parts.stop = [&] { return ++asked == 12; };
  ASSERT_TRUE(convert(stopped.with_conditions(), parts).stopped);
  parts.stop = {};

  convert(resumed.with_conditions(), parts);

  EXPECT_EQ(contents_of(folder_ / "parts"), contents_of(folder_ / "whole"));
}

TEST_F(ConvertTest, AConditionThatIsNotFiniteMakesItsSampleUnusable) {
  MadeUpSource source(50);
  MadeUpSource::wrong_at = 20;

  const ConvertSummary summary = convert(source.with_conditions(), options());

  MadeUpSource::wrong_at = UINT64_MAX;
  ASSERT_EQ(summary.skipped_samples.size(), 1u);
  EXPECT_EQ(summary.skipped_samples[0].name, "picture 20");
  EXPECT_EQ(summary.skipped_samples[0].reason, "condition params: value 1 is nan, which is not finite");
}

}  // namespace
}  // namespace pathline::data
