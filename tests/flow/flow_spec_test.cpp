#include "flow/flow_spec.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;
using Json = nlohmann::ordered_json;

Json json_of(const FlowSpec& spec) {
  Json model = Json::object();
  flow_spec_to_json(spec, model);
  return model;
}

TEST(FlowSpec, IsTheLinearPathAndItsVelocityUnlessToldOtherwise) {
  EXPECT_EQ(json_of({}), Json({{"path", "linear"}, {"prediction", "velocity"}}));
}

TEST(FlowSpec, BindsWordsToMethods) {
  FlowWords words;
  words.time = "logit-normal:0.3,1.5";
  words.condition_drop = 0.1;

  const FlowSpec spec = make_flow_spec(words);

  EXPECT_EQ(spec.path->text(), "linear");
  EXPECT_EQ(spec.prediction->text(), "velocity");
  EXPECT_EQ(spec.training->time->text(), "logit-normal:0.3,1.5");
  EXPECT_EQ(spec.training->coupling->text(), "independent");
  EXPECT_EQ(spec.training->objective->text(), "velocity");
  EXPECT_EQ(spec.training->condition_drop, 0.1);
}

TEST(FlowSpec, NamesTheWordThatMeansNothing) {
  const std::pair<std::string, std::string FlowWords::*> members[] = {{"path", &FlowWords::path},
                                                                      {"prediction", &FlowWords::prediction},
                                                                      {"time", &FlowWords::time},
                                                                      {"coupling", &FlowWords::coupling},
                                                                      {"objective", &FlowWords::objective}};
  for (const auto& [name, member] : members) {
    FlowWords words;
    words.*member += "x";

    const Error error = error_of([&] { (void)make_flow_spec(words); });

    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_EQ(error.place(), name);
    EXPECT_TRUE(contains(error.hint(), "did you mean " + (FlowWords().*member) + "?"));
  }
}

TEST(FlowSpec, GoesThroughJson) {
  FlowWords words;
  words.time = "logit-normal:-0.1,0.8";
  words.condition_drop = 0.15;
  const Json json = json_of(make_flow_spec(words));

  EXPECT_EQ(json_of(flow_spec_from_json(json, "state.json")), json);
}

// Checkpoints from before there was a choice say path and prediction only.
TEST(FlowSpec, TrainingThatIsNotRecordedIsNotGuessed) {
  const FlowSpec spec = flow_spec_from_json({{"path", "linear"}, {"prediction", "velocity"}}, "state.json");

  EXPECT_FALSE(spec.training.has_value());
}

TEST(FlowSpec, AWordInACheckpointThatMeansNothingIsBadInput) {
  const Json sound = json_of(make_flow_spec({}));
  for (const char* pointer : {"/path", "/prediction", "/training/time", "/training/coupling", "/training/objective"}) {
    Json json = sound;
    json[Json::json_pointer(pointer)] = json[Json::json_pointer(pointer)].get<std::string>() + "s";

    const Error error = error_of([&] { (void)flow_spec_from_json(json, "run/state.json"); });

    std::string key = std::string("model") + pointer;
    std::replace(key.begin(), key.end(), '/', '.');
    EXPECT_EQ(error.code(), ExitCode::bad_input) << pointer;
    EXPECT_EQ(error.place(), "run/state.json") << pointer;
    EXPECT_TRUE(contains(error.message(), key + ": unknown")) << pointer;
    EXPECT_TRUE(contains(error.hint(), "did you mean")) << pointer;
  }
}

TEST(FlowSpec, AProbabilityInACheckpointIsOne) {
  for (const double drop : {-0.1, 1.5}) {
    Json json = json_of(make_flow_spec({}));
    json["training"]["condition_drop"] = drop;
    EXPECT_EQ(error_of([&] { (void)flow_spec_from_json(json, "state.json"); }).code(), ExitCode::bad_input);
  }
}

TEST(FlowSpec, WhatIsMissingOrNoTextIsAnErrorOfTheJsonLibrary) {
  Json no_path = json_of(make_flow_spec({})), number = no_path, incomplete = no_path;
  no_path.erase("path");
  number["prediction"] = 7;
  incomplete["training"].erase("coupling");

  for (const Json& json : {no_path, number, incomplete})
    EXPECT_THROW((void)flow_spec_from_json(json, "state.json"), nlohmann::json::exception);
}

}  // namespace
}  // namespace pathline::flow
