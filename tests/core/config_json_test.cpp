#include "core/config_json.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/settings_fixture.h"

namespace pathline {
namespace {

using Json = nlohmann::ordered_json;
using test::AllFields;
using test::contains;
using test::error_of;

Json written(AllFields fields) {
  Json object = Json::object();
  FieldJsonWriter writer(object);
  fields.fields(writer);
  return object;
}

AllFields read(const Json& object) {
  AllFields fields;
  FieldJsonReader reader(object, "it", "file.json");
  fields.fields(reader);
  return fields;
}

TEST(FieldJson, HasAMemberPerFieldUnderItsKeyWithoutTheSection) {
  EXPECT_EQ(written({}).dump(), R"({"count":3,"rate":0.5,"flag":true,"word":"a","precision":"fp32","name":"n",)"
                                R"("folder":"f/g","list":[1,2],"pair":"4x5"})");
}

TEST(FieldJson, GivesBackWhatWasWritten) {
  AllFields fields;
  fields.count = 8;
  fields.rate = 0.30000000000000004;
  fields.half = true;
  fields.list = {};
  fields.pair = {9, 9};

  EXPECT_EQ(written(read(written(fields))), written(fields));
}

struct BadMember {
  const char* member;
  Json value;
  const char* expected;
};

TEST(FieldJson, RefusesWhatItsKeysDoNotAllow) {
  for (const auto& [member, value, expected] : std::vector<BadMember>{
           {"count", 10, "it.count: expected a whole number from 1 to 9, found '10'"},
           {"count", -1, "it.count: expected a whole number"},
           {"count", 18446744073709551615U, "it.count: expected a whole number"},
           {"count", 3.0, "it.count: expected whole number, 1 to 9, found '3.0'"},
           {"count", "3", "it.count: expected whole number, 1 to 9, found '\"3\"'"},
           {"rate", 1.5, "it.rate: expected a finite number from 0 to 1"},
           {"rate", nullptr, "it.rate: expected number, 0 to 1, found 'null'"},
           {"flag", 1, "it.flag: expected true or false, found '1'"},
           {"word", "c", "it.word: expected one of a, b, found 'c'"},
           {"precision", true, "it.precision: expected one of fp32, bf16"},
           {"list", Json::array({1, 10}), "it.list: expected a whole number from 1 to 9, found '10'"},
           {"list", Json::array({1, "2"}), "it.list: expected whole numbers, 1 to 9"},
           {"list", 1, "it.list: expected whole numbers, 1 to 9, found '1'"},
           {"pair", "4", "it.pair: expected AxB, found '4'"}}) {
    Json object = written({});
    object[member] = value;

    const Error error = error_of([&] { read(object); });

    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_EQ(error.place(), "file.json");
    EXPECT_TRUE(contains(error.message(), expected)) << member;
  }
}

TEST(FieldJson, RefusesAnObjectThatLacksAMember) {
  Json object = written({});
  object.erase("flag");

  EXPECT_EQ(error_of([&] { read(object); }).message(), "it.flag is missing");
}

/// AllFields, and two members that an older version did not write.
struct Grown {
  AllFields first;
  std::int64_t added = 7;
  void fields(FieldVisitor& f) {
    first.fields(f);
    f.later_additions();
    f.integer("s.added", added, 0, 9, Effect::free, "");
  }
};

TEST(FieldJson, LeavesALaterAdditionAtItsInitialValueWhereItIsMissing) {
  Grown grown;
  grown.added = 1;
  const Json old = written({});
  FieldJsonReader reader(old, "it", "file.json");

  grown = {};
  grown.fields(reader);

  EXPECT_EQ(grown.added, 7);
  Json now = old;
  now["added"] = 3;
  FieldJsonReader again(now, "it", "file.json");
  grown.fields(again);
  EXPECT_EQ(grown.added, 3);
}

}  // namespace
}  // namespace pathline
