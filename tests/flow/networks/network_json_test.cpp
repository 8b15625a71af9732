#include "flow/networks/network_json.h"

#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "flow/networks/registry.h"
#include "flow/networks/unet/unet_settings.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

using Json = nlohmann::ordered_json;
using test::contains;
using test::error_of;

NetworkSettings read(const Json& json) {
  return network_from_json(json, "model.network", "state.json");
}

/// Word for word what version 0.1.0 wrote, before networks had kinds of their own.
constexpr const char* kFirstForm = R"({
  "kind": "unet", "image_channels": 3, "image_height": 32, "image_width": 16, "channels": 64, "channel_mult": [1, 2],
  "res_blocks": 2, "attention": [16], "heads": 2, "head_channels": -1, "classes": 10, "null_class": true,
  "dropout": 0.1, "scale_shift_norm": true, "resblock_updown": true, "conv_resample": false,
  "new_attention_order": true
})";

UNetSettings first_options() {
  UNetSettings options;
  options.channels = 64;
  options.channel_mult = {1, 2};
  options.res_blocks = 2;
  options.attention = {16};
  options.heads = 2;
  options.head_channels = -1;
  options.dropout = 0.1;
  options.scale_shift_norm = options.resblock_updown = options.new_attention_order = true;
  options.conv_resample = false;
  return options;
}

TEST(NetworkJson, ReadsWhatTheFirstVersionWrote) {
  EXPECT_EQ(read(Json::parse(kFirstForm)),
            unet_settings(first_options(), SampleShape::picture(3, 32, 16), label_condition(10, true)));
}

TEST(NetworkJson, IsWhatTheFirstVersionCanReadForPicturesAndLabels) {
  const NetworkSettings settings =
      unet_settings(first_options(), SampleShape::picture(3, 32, 16), label_condition(10, true));

  // The same members and values; JSON objects compare without regard to order as nlohmann::json.
  EXPECT_EQ(nlohmann::json::parse(to_json(settings).dump()), nlohmann::json::parse(kFirstForm));
}

TEST(NetworkJson, GivesBackEveryKindOfCondition) {
  NetworkSettings settings = unet_settings(first_options(), SampleShape::picture(3, 32, 16), label_condition(4));
  ConditionField pose, map;
  pose.name = "pose";
  pose.kind = ConditionField::Kind::vector;
  pose.sizes = {7};
  pose.has_null = true;
  map.name = "map";
  map.kind = ConditionField::Kind::tensor;
  map.sizes = {2, 32, 16};
  settings.condition.push_back(pose);
  settings.condition.push_back(map);

  const Json json = to_json(settings);

  EXPECT_FALSE(json.contains("classes"));
  EXPECT_EQ(json["condition"][1].dump(), R"({"name":"pose","kind":"vector","classes":0,"sizes":[7],"has_null":true})");
  EXPECT_EQ(read(json), settings);
}

TEST(NetworkJson, WritesSamplesThatAreNoPicturesByTheirKind) {
  NetworkSettings settings;
  settings.kind = "mlp";
  settings.shape = SampleShape::sequence(16, 7);

  EXPECT_EQ(to_json(settings).dump(),
            R"({"kind":"mlp","shape":{"kind":"sequence","sizes":[16,7]},"classes":0,"null_class":false})");
}

struct Spoilt {
  void (*spoil)(Json&);
  const char* expected;
};

TEST(NetworkJson, RefusesWhatCannotBeBuilt) {
  for (const auto& [spoil, expected] : std::vector<Spoilt>{
           {[](Json& j) { j = 3; }, "model.network: expected a JSON object"},
           {[](Json& j) { j.erase("kind"); }, "model.network: expected a JSON object with a kind of network"},
           {[](Json& j) { j["kind"] = "dit2"; }, "model.network.kind: unknown kind of network 'dit2'"},
           {[](Json& j) { j.erase("heads"); }, "model.network.heads is missing"},
           {[](Json& j) { j["channels"] = 1000000000000; }, "model.network.channels: expected a whole number from 1"},
           {[](Json& j) {
              j["channel_mult"] = {1, "2"};
            },
            "model.network.channel_mult: expected whole numbers"},
           {[](Json& j) { j["image_width"] = 0; },
            "model.network.image_width: expected a whole number from 1 to 65536"},
           {[](Json& j) { j["dropout"] = 1; }, "model.network.dropout: expected a finite number from 0 to 0.99"},
           {[](Json& j) { j["classes"] = -1; }, "model.network.classes: expected a whole number from 0 to 1000000"},
           {[](Json& j) { j["classes"] = 0; }, "model.network.null_class: expected false where classes is 0"},
           {[](Json& j) { j["attention"] = {5}; }, "model.network.attention: resolution 5 does not occur"},
           {[](Json& j) { j["chanels"] = 64; }, "model.network: unknown member 'chanels'"},
           {[](Json& j) {
              j["shape"] = {{"kind", "vector"}, {"sizes", {2}}};
            },
            "model.network: unknown member 'image_channels'"},
           {[](Json& j) {
              for (const char* name : {"image_channels", "image_height", "image_width"}) j.erase(name);
              j["shape"] = {{"kind", "vector"}, {"sizes", {2}}};
            },
            "model.network.kind: unet works on pictures, found samples of the kind vector [2]"},
           {[](Json& j) {
              for (const char* name : {"image_channels", "image_height", "image_width"}) j.erase(name);
              j["shape"] = {{"kind", "sequence"}, {"sizes", {2}}};
            },
            "model.network.shape.sizes: expected 2 numbers, found 1"}}) {
    Json json = Json::parse(kFirstForm);
    spoil(json);

    const Error error = error_of([&] { read(json); });

    EXPECT_EQ(error.code(), ExitCode::bad_input) << expected;
    EXPECT_EQ(error.place(), "state.json");
    EXPECT_TRUE(contains(error.message(), expected));
  }
}

TEST(NetworkJson, NamesTheNearestKindAndMember) {
  Json kind = Json::parse(kFirstForm), member = kind;
  kind["kind"] = "unett";
  member["chanels"] = 64;

  EXPECT_EQ(error_of([&] { read(kind); }).hint(), "did you mean unet?");
  EXPECT_EQ(error_of([&] { read(member); }).hint(), "did the writer mean channels?");
}

TEST(NetworkJson, RefusesConditionsThatAreNone) {
  NetworkSettings settings = unet_settings(first_options(), SampleShape::picture(3, 32, 16), label_condition(4));
  ConditionField pose;
  pose.name = "pose";
  pose.kind = ConditionField::Kind::vector;
  pose.sizes = {7};
  settings.condition.push_back(pose);
  for (const auto& [spoil, expected] : std::vector<Spoilt>{
           {[](Json& j) { j["condition"] = 1; }, "model.network.condition: expected a list"},
           {[](Json& j) { j["condition"][1] = 1; }, "model.network.condition[1]: expected a JSON object"},
           {[](Json& j) { j["condition"][1]["name"] = "a.b"; }, "model.network.condition[1].name: expected a name"},
           {[](Json& j) { j["condition"][1]["name"] = "label"; }, "there are two of the name label"},
           {[](Json& j) { j["condition"][1]["kind"] = "vektor"; }, "expected one of label, vector, tensor"},
           {[](Json& j) { j["condition"][1]["classes"] = 3; }, "its classes and sizes are not those of its kind"},
           {[](Json& j) { j["condition"][1]["sizes"] = Json::array(); }, "its classes and sizes are not those"},
           {[](Json& j) { j["condition"][1]["extra"] = 1; }, "model.network.condition[1]: unknown member 'extra'"}}) {
    Json json = to_json(settings);
    spoil(json);

    const Error error = error_of([&] { read(json); });

    EXPECT_EQ(error.code(), ExitCode::bad_input) << expected;
    EXPECT_TRUE(contains(error.message(), expected));
  }
}

/// Numbers, words and brackets in place of others: whatever a file says, it is settings that can be built, or an Error.
TEST(NetworkJson, NeverDoesMoreThanThrowAnErrorWhateverItReads) {
  const std::vector<std::string> spare = {
      "0",    "-1",   "1",  "7",  "31",       "65536",         "1e300", "18446744073709551615",
      "true", "null", "[]", "{}", "\"unet\"", "[1,1,1,1,1,1]", "[[1]]"};
  std::mt19937 draw(5);
  int built = 0;
  for (int round = 0; round < 4000; ++round) {
    Json json = Json::parse(kFirstForm);
    for (int change = 0; change <= round % 2; ++change) {
      auto member = json.begin();
      std::advance(member, static_cast<std::ptrdiff_t>(draw() % json.size()));
      *member = Json::parse(spare[draw() % spare.size()]);
    }
    try {
      EXPECT_EQ(read(to_json(read(json))), read(json));
      ++built;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_input);
    }
  }
  EXPECT_GT(built, 50);
  EXPECT_LT(built, 3950);
}

}  // namespace
}  // namespace pathline::flow
