#include "trainer/checkpoint/model_json.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "flow/networks/unet/unet_settings.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/checkpoint/checkpoint_fixture.h"

namespace pathline {
namespace {

using Json = nlohmann::ordered_json;
using test::contains;
using test::contents_at;
using test::error_of;

Json good() {
  TrainState state;
  state.step = 3;
  state.position = 24;
  state.ema_images = 24;
  ModelDescription model;
  model.network = test::tiny_network();
  return Json::parse(to_json(state, model));
}

Error refusal(const std::string& text) {
  TrainState state;
  ModelDescription model;
  return error_of([&] { from_json(text, "state.json", state, model); });
}

TEST(ModelJson, RefusesWhatIsNoStateOfACheckpoint) {
  TrainState state;
  ModelDescription model = contents_at(1).model;
  const std::string good = to_json(state, model);
  EXPECT_NO_THROW(from_json(good, "state.json", state, model));
  auto other_version = nlohmann::json::parse(good), wrong_type = other_version, missing = other_version;
  other_version["format_version"] = 2;
  wrong_type["state"]["step"] = "three";
  missing["model"].erase("network");

  for (const std::string& text : {std::string("not json"), other_version.dump(), wrong_type.dump(), missing.dump()}) {
    const Error error = error_of([&] { from_json(text, "state.json", state, model); });
    EXPECT_EQ(error.code(), ExitCode::bad_input) << text;
    EXPECT_EQ(error.place(), "state.json");
  }
}

struct BadValue {
  const char* pointer;  ///< RFC 6901
  const char* json;     ///< in its place
};

class BadValues : public testing::TestWithParam<BadValue> {};

TEST_P(BadValues, AreRefusedByName) {
  Json json = good();
  json[Json::json_pointer(GetParam().pointer)] = Json::parse(GetParam().json);
  std::string name = GetParam().pointer;
  name = name.substr(name.rfind('/') + 1);

  const Error error = refusal(json.dump());

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_EQ(error.place(), "state.json");
  EXPECT_TRUE(contains(error.message(), "." + name + ": expected "));
  EXPECT_LT(error.message().size(), 250U);
}

const std::string kLong = "\"" + std::string(100000, 'x') + "\"";

INSTANTIATE_TEST_SUITE_P(
    ModelJson, BadValues,
    testing::Values(BadValue{"/state/step", "-1"}, BadValue{"/state/step", "2.7"}, BadValue{"/state/step", "3.0"},
                    BadValue{"/state/step", "9223372036854775808"}, BadValue{"/state/step", "1e30"},
                    BadValue{"/state/step", "true"}, BadValue{"/state/step", "null"},
                    BadValue{"/state/step", kLong.c_str()}, BadValue{"/state/position", "-8"},
                    BadValue{"/state/position", "9223372036854775808"}, BadValue{"/state/seed", "-1"},
                    BadValue{"/state/ema_images", "-1e308"}, BadValue{"/state/ema_images", "null"},
                    BadValue{"/state/ema_images", "25"}, BadValue{"/state/ema_images", "[1]"},
                    BadValue{"/model/network/res_blocks", "1000000000"}, BadValue{"/model/network/res_blocks", "0"},
                    BadValue{"/model/network/res_blocks", "1.5"},
                    BadValue{"/model/network/channels", "18446744073709551615"},
                    BadValue{"/model/network/channels", "-32"}, BadValue{"/model/network/channel_mult", "[1,1000]"},
                    BadValue{"/model/network/channel_mult", "3"}, BadValue{"/model/network/channel_mult", "[1,\"2\"]"},
                    BadValue{"/model/network/image_width", "65537"}, BadValue{"/model/network/classes", "-1"},
                    BadValue{"/model/network/dropout", "1.5"}, BadValue{"/model/network/dropout", "{}"}));

TEST(ModelJson, NamesThePathThatWasPerhapsMeant) {
  Json json = good();
  json["model"]["path"] = "Linear";

  const Error error = refusal(json.dump());

  EXPECT_EQ(error.message(), "model.path: unknown path 'Linear'");
  EXPECT_EQ(error.hint(), "did you mean linear?");
}

TEST(ModelJson, AcceptsItsOwnText) {
  TrainState state;
  ModelDescription model;

  from_json(good().dump(), "state.json", state, model);

  EXPECT_EQ(Json::parse(to_json(state, model)), good());
}

TEST(ModelJson, KeepsTheMethod) {
  TrainState state;
  ModelDescription model = contents_at(1).model, read;
  flow::FlowWords words;
  words.time = "logit-normal:0.3,1.5";
  words.condition_drop = 0.1;
  model.flow = make_flow_spec(words);

  from_json(to_json(state, model), "state.json", state, read);

  EXPECT_EQ(read.flow.training->time->text(), "logit-normal:0.3,1.5");
  EXPECT_EQ(read.flow.training->condition_drop, 0.1);
  EXPECT_EQ(to_json(state, read), to_json(state, model));
}

TEST(ModelJson, RefusesAMethodThatItDoesNotKnow) {
  TrainState state;
  ModelDescription model = contents_at(1).model;
  for (const char* key : {"path", "prediction"}) {
    auto json = nlohmann::json::parse(to_json(state, model));
    json["model"][key] = "vp2";

    const Error error = error_of([&] { from_json(json.dump(), "state.json", state, model); });

    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_EQ(error.place(), "state.json");
    EXPECT_TRUE(contains(error.message(), std::string("model.") + key + ": unknown " + key + " 'vp2'"));
  }
}

TEST(ModelJson, ShortensALongMethod) {
  Json json = good();
  json["model"]["path"] = std::string(100000, 'x');

  EXPECT_LT(refusal(json.dump()).message().size(), 250U);
}

/// state.json as version 0.1.0 wrote it.
constexpr const char* kFirstForm = R"({
  "format": "pathline-checkpoint",
  "format_version": 1,
  "state": {
    "step": 3,
    "position": 48,
    "seed": 7,
    "ema_images": 48.0
  },
  "model": {
    "path": "linear",
    "prediction": "velocity",
    "network": {
      "kind": "unet",
      "image_channels": 1,
      "image_height": 8,
      "image_width": 8,
      "channels": 32,
      "channel_mult": [
        1,
        2
      ],
      "res_blocks": 1,
      "attention": [
        4
      ],
      "heads": 4,
      "head_channels": 32,
      "classes": 10,
      "null_class": true,
      "dropout": 0.0,
      "scale_shift_norm": true,
      "resblock_updown": true,
      "conv_resample": true,
      "new_attention_order": false
    },
    "class_names": [],
    "mean": [
      127.5
    ],
    "scale": [
      127.5
    ],
    "dtype": "uint8",
    "data_hash": "8d3f"
  }
}
)";

TEST(ModelJson, ReadsWhatTheFirstVersionWrote) {
  TrainState state;
  ModelDescription model;

  from_json(kFirstForm, "state.json", state, model);

  EXPECT_EQ(state.step, 3U);
  EXPECT_EQ(state.position, 48U);
  EXPECT_EQ(state.seed, 7U);
  EXPECT_EQ(state.ema_images, 48.0);
  flow::UNetSettings options;
  options.channel_mult = {1, 2};
  options.attention = {4};
  options.scale_shift_norm = options.resblock_updown = true;
  EXPECT_EQ(model.network,
            flow::unet_settings(options, SampleShape::picture(1, 8, 8), flow::label_condition(10, true)));
  EXPECT_EQ(model.mean, std::vector<double>{127.5});
  EXPECT_EQ(model.data_hash, "8d3f");
}

TEST(ModelJson, SaysTheSameAsTheFirstVersionSaid) {
  TrainState state;
  ModelDescription model;
  from_json(kFirstForm, "state.json", state, model);

  EXPECT_EQ(nlohmann::json::parse(to_json(state, model)), nlohmann::json::parse(kFirstForm));
}

TEST(ModelJson, RefusesAnUnknownKindOfNetworkWithTheNearestOne) {
  TrainState state;
  ModelDescription model = contents_at(1).model;
  auto json = nlohmann::ordered_json::parse(to_json(state, model));
  json["model"]["network"]["kind"] = "unt";

  const Error error = error_of([&] { from_json(json.dump(), "state.json", state, model); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_TRUE(contains(error.message(), "model.network.kind: unknown kind of network 'unt'"));
  EXPECT_EQ(error.hint(), "did you mean unet?");
}

}  // namespace
}  // namespace pathline
